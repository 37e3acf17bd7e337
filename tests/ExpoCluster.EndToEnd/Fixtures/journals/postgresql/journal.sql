--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: expocluster_one_writer(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.expocluster_one_writer() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  before text;
begin
  if new.sequence_number > 1 then
    select writer_uuid into before from journal where persistence_id = new.persistence_id and sequence_number = new.sequence_number - 1;
    if not found then
      raise exception 'event % of % does not follow the one before it', new.sequence_number, new.persistence_id using errcode = 'unique_violation';
    end if;
    if before <> new.writer_uuid
      and exists (select 1 from journal where persistence_id = new.persistence_id and writer_uuid = new.writer_uuid) then
      raise exception 'another coordinator has taken % over', new.persistence_id using errcode = 'unique_violation';
    end if;
  end if;
  return new;
end $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: expocluster_formations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_formations (
    id bigint NOT NULL,
    formed_by text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: expocluster_formations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.expocluster_formations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.expocluster_formations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: expocluster_identity; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_identity (
    id uuid NOT NULL
);


--
-- Name: expocluster_job_states; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_job_states (
    job text NOT NULL,
    sequence bigint NOT NULL,
    state text NOT NULL,
    changed_ms bigint NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    advice text NOT NULL
);


--
-- Name: expocluster_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_jobs (
    job text NOT NULL,
    sequence bigint NOT NULL,
    state text NOT NULL,
    submitted_ms bigint NOT NULL,
    changed_ms bigint NOT NULL,
    output text NOT NULL,
    facts text NOT NULL,
    files text NOT NULL
);


--
-- Name: expocluster_leases; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_leases (
    name text NOT NULL,
    owner text NOT NULL,
    until timestamp with time zone NOT NULL
);


--
-- Name: expocluster_nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_nodes (
    address text NOT NULL,
    is_member boolean NOT NULL,
    seen timestamp with time zone NOT NULL
);


--
-- Name: expocluster_outputs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_outputs (
    path text NOT NULL,
    job text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: expocluster_removed; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_removed (
    member text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: expocluster_storage; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.expocluster_storage (
    root text NOT NULL,
    token text NOT NULL
);


--
-- Name: journal; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.journal (
    ordering bigint NOT NULL,
    created bigint NOT NULL,
    deleted boolean NOT NULL,
    persistence_id text NOT NULL,
    sequence_number bigint NOT NULL,
    message bytea NOT NULL,
    manifest text,
    identifier integer,
    writer_uuid text
);


--
-- Name: journal_ordering_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.journal ALTER COLUMN ordering ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.journal_ordering_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: snapshot; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.snapshot (
    persistence_id text NOT NULL,
    sequence_number bigint NOT NULL,
    created bigint NOT NULL,
    snapshot bytea,
    manifest text,
    serializer_id integer
);


--
-- Name: tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tags (
    ordering_id bigint NOT NULL,
    tag text NOT NULL,
    sequence_nr bigint NOT NULL,
    persistence_id text NOT NULL
);


--
-- Data for Name: expocluster_formations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_formations OVERRIDING SYSTEM VALUE VALUES (1, 'akka.tcp://expocluster@127.0.0.1:34525', '2026-11-27 11:08:44.927429+00');


--
-- Data for Name: expocluster_identity; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_identity VALUES ('97ea085e-f428-46eb-b6ce-dfa81ae0c455');


--
-- Data for Name: expocluster_job_states; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_job_states VALUES ('finished', 3, 'running', 1795777726199, '', '', '');
INSERT INTO public.expocluster_job_states VALUES ('finished', 10, 'publishing', 1795777735980, '', '', '');
INSERT INTO public.expocluster_job_states VALUES ('finished', 11, 'done', 1795777736000, '', '', '');
INSERT INTO public.expocluster_job_states VALUES ('interrupted', 3, 'running', 1795777736290, '', '', '');


--
-- Data for Name: expocluster_jobs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_jobs VALUES ('finished', 11, 'done', 1795777725849, 1795777736000, '/tmp/expocluster-yesterday/finished', '{"recipeJson":"{\u0022method\u0022:\u0022expo\u0022,\u0022base\u0022:\u0022/tmp/expocluster-yesterday/base\u0022,\u0022aligned\u0022:\u0022/tmp/expocluster-yesterday/aligned\u0022,\u0022alpha\u0022:0.5,\u0022numerics\u0022:\u0022exact\u0022,\u0022dtype\u0022:\u0022aligned\u0022,\u0022on_mismatch\u0022:\u0022error\u0022,\u0022max_shard_size\u0022:\u0022keep\u0022,\u0022out\u0022:\u0022/tmp/expocluster-yesterday/finished\u0022}","submittedBy":null,"planDigest":"ddaa2bcd8ee7a5b3da57e63146477dd002fbe35a7ccbcf46ceaecbbaa22fe487","folders":[],"parts":3,"committed":3,"bytes":75497592,"bytesCommitted":75497592,"reason":null}', '[{"name":"model.safetensors","bytes":75497592,"parts":3,"committed":3,"bytesCommitted":75497592,"sealed":true}]');
INSERT INTO public.expocluster_jobs VALUES ('interrupted', 3, 'running', 1795777736245, 1795777736290, '/tmp/expocluster-yesterday/out', '{"recipeJson":"{\u0022method\u0022:\u0022expo\u0022,\u0022base\u0022:\u0022/tmp/expocluster-yesterday/base\u0022,\u0022aligned\u0022:\u0022/tmp/expocluster-yesterday/aligned\u0022,\u0022alpha\u0022:0.3,\u0022numerics\u0022:\u0022exact\u0022,\u0022dtype\u0022:\u0022aligned\u0022,\u0022on_mismatch\u0022:\u0022error\u0022,\u0022max_shard_size\u0022:\u0022keep\u0022,\u0022out\u0022:\u0022/tmp/expocluster-yesterday/out\u0022}","submittedBy":null,"planDigest":"aa228af2d13a7efe19cb65a6bc784db3fa19fbb0d544355830360f5882bc08fa","folders":[],"parts":3,"committed":0,"bytes":75497592,"bytesCommitted":0,"reason":null}', '[{"name":"model.safetensors","bytes":75497592,"parts":3,"committed":0,"bytesCommitted":0,"sealed":false}]');


--
-- Data for Name: expocluster_leases; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: expocluster_nodes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_nodes VALUES ('akka.tcp://expocluster@127.0.0.1:34525', true, '2026-11-27 11:08:59.036288+00');


--
-- Data for Name: expocluster_outputs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_outputs VALUES ('/tmp/expocluster-yesterday/out', 'interrupted', '2026-11-27 11:08:56.281375+00');


--
-- Data for Name: expocluster_removed; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: expocluster_storage; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.expocluster_storage VALUES ('/tmp/expocluster-yesterday', 'bd8ba49395741463ed5ce3cdf15c06ff');


--
-- Data for Name: journal; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (1, 639313745259993216, false, '/system/sharding/coordinatorsCoordinator/singleton/coordinator', 1, '\x', 'SM', 13, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (2, 639313745260807653, false, '/system/sharding/coordinatorsCoordinator/singleton/coordinator', 2, '\x32', 'System.String, System.Private.CoreLib', 17, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (3, 639313745261229502, false, '/sharding/coordinatorsShard/2', 1, '\x0a0866696e6973686564', 'CE', 13, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (4, 639313745261683064, false, 'job-finished', 1, '\x0a0866696e697368656412f4017b226d6574686f64223a226578706f222c2262617365223a222f746d702f6578706f636c75737465722d7965737465726461792f62617365222c22616c69676e6564223a222f746d702f6578706f636c75737465722d7965737465726461792f616c69676e6564222c22616c706861223a302e352c226e756d6572696373223a226578616374222c226474797065223a22616c69676e6564222c226f6e5f6d69736d61746368223a226572726f72222c226d61785f73686172645f73697a65223a226b656570222c226f7574223a222f746d702f6578706f636c75737465722d7965737465726461792f66696e6973686564227d1a232f746d702f6578706f636c75737465722d7965737465726461792f66696e697368656428998bc6e5a134', 'j1', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (5, 639313745261683064, false, 'job-finished', 2, '\x0a40646461613262636438656537613562336461353765363331343634373764643030326662653335613763636263663436636561656362626161323266653438371001188080801022180a116d6f64656c2e7361666574656e736f727310f8808024', 'j2', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (6, 639313745261683064, false, 'job-finished', 3, '\x08011001', 'j3', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (7, 639313745262487310, false, 'job-finished', 4, '\x1001', 'j4', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (8, 639313745262588356, false, 'job-finished', 5, '\x0a163132372e302e302e313a333435323523343162313530', 'j21', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (9, 639313745306453763, false, 'job-finished', 6, '\x10011ab3011280018816cb7e6737a597e68d1c76fc4a44b4c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b971a2e0101c4ffff07c5ffdf07000000000000c05dfa8f264100c0878dab9262410000d05e9a8d1641000000000000dd3f', 'j5', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (10, 639313745348277973, false, 'job-finished', 7, '\x10011ab5010801128001c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b971a2e0101808080088080e00700000000000000000090264100000000b092624100000000a08d1641000000000000dd3f', 'j5', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (11, 639313745358318985, false, 'job-finished', 8, '\x10011a6408021230c47ae2cc3194310dd9155145a45e2b97c47ae2cc3194310dd9155145a45e2b9778ed1e0974710dfa453d557cd217f52d1a2e0101bc808002bb80f8010000000000000089169006410000e1c9c19242410000c084b68df640000000000000dd3f', 'j5', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (12, 639313745358510737, false, 'job-finished', 9, '\x10011a4064316462383732326433356231353533363433336162316566623765343163353830353639313832306632613464663939356462303633646230373834373965', 'j6', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (13, 639313745359682502, false, 'job-finished', 10, '\x0a0b636f6e6669672e6a736f6e0a09524541444d452e6d640a106578706f636c75737465722e6a736f6e0a116d6f64656c2e7361666574656e736f7273', 'j9', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (14, 639313745359972883, false, 'job-finished', 11, '\x', 'j10', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (15, 639313745360403825, false, '/sharding/coordinatorsShard/2', 2, '\x0a0866696e6973686564', 'CF', 13, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (16, 639313745362620456, false, '/system/sharding/coordinatorsCoordinator/singleton/coordinator', 3, '\x36', 'System.String, System.Private.CoreLib', 17, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (17, 639313745362739552, false, '/sharding/coordinatorsShard/6', 1, '\x0a0b696e746572727570746564', 'CE', 13, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (18, 639313745362858236, false, 'job-interrupted', 1, '\x0a0b696e74657272757074656412ef017b226d6574686f64223a226578706f222c2262617365223a222f746d702f6578706f636c75737465722d7965737465726461792f62617365222c22616c69676e6564223a222f746d702f6578706f636c75737465722d7965737465726461792f616c69676e6564222c22616c706861223a302e332c226e756d6572696373223a226578616374222c226474797065223a22616c69676e6564222c226f6e5f6d69736d61746368223a226572726f72222c226d61785f73686172645f73697a65223a226b656570222c226f7574223a222f746d702f6578706f636c75737465722d7965737465726461792f6f7574227d1a1e2f746d702f6578706f636c75737465722d7965737465726461792f6f757428b5dcc6e5a134', 'j1', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (19, 639313745362858236, false, 'job-interrupted', 2, '\x0a40616132323861663264313361376566653139636236356136626337383464623366613139666262306435343433353538333033363066353838326263303866611001188080801022180a116d6f64656c2e7361666574656e736f727310f8808024', 'j2', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (20, 639313745362858236, false, 'job-interrupted', 3, '\x08011001', 'j3', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (21, 639313745363066919, false, 'job-interrupted', 4, '\x1001', 'j4', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (22, 639313745363157083, false, 'job-interrupted', 5, '\x0a163132372e302e302e313a333435323523343162313530', 'j21', 73102, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (23, 639313745382651613, false, '/sharding/coordinatorsShard/2', 3, '\x0a0866696e6973686564', 'CE', 13, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (24, 639313745383809722, false, '/sharding/coordinatorsShard/2', 4, '\x0a0866696e6973686564', 'CF', 13, '5fc2352fca89424999cc50d8fcc19dbf');
INSERT INTO public.journal OVERRIDING SYSTEM VALUE VALUES (25, 639313745405551340, false, 'job-interrupted', 6, '\x10011ab301128001da4897575635d0b72623ba7d140a0fb32215bbe09eb5953b1a53c66522bb6fb72215bbe09eb5953b1a53c66522bb6fb72215bbe09eb5953b1a53c66522bb6fb72215bbe09eb5953b1a53c66522bb6fb72215bbe09eb5953b1a53c66522bb6fb72215bbe09eb5953b1a53c66522bb6fb72215bbe09eb5953b1a53c66522bb6fb71a2e0101c4ffff07c5ffdf07000000000000c05dfa8f264100c0878dab9262410000703639150b41000000000000dd3f', 'j5', 73102, '5fc2352fca89424999cc50d8fcc19dbf');


--
-- Data for Name: snapshot; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: tags; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Name: expocluster_formations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.expocluster_formations_id_seq', 1, true);


--
-- Name: journal_ordering_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.journal_ordering_seq', 25, true);


--
-- Name: expocluster_formations expocluster_formations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_formations
    ADD CONSTRAINT expocluster_formations_pkey PRIMARY KEY (id);


--
-- Name: expocluster_job_states expocluster_job_states_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_job_states
    ADD CONSTRAINT expocluster_job_states_pkey PRIMARY KEY (job, sequence);


--
-- Name: expocluster_jobs expocluster_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_jobs
    ADD CONSTRAINT expocluster_jobs_pkey PRIMARY KEY (job);


--
-- Name: expocluster_leases expocluster_leases_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_leases
    ADD CONSTRAINT expocluster_leases_pkey PRIMARY KEY (name);


--
-- Name: expocluster_nodes expocluster_nodes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_nodes
    ADD CONSTRAINT expocluster_nodes_pkey PRIMARY KEY (address);


--
-- Name: expocluster_outputs expocluster_outputs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_outputs
    ADD CONSTRAINT expocluster_outputs_pkey PRIMARY KEY (path);


--
-- Name: expocluster_removed expocluster_removed_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_removed
    ADD CONSTRAINT expocluster_removed_pkey PRIMARY KEY (member);


--
-- Name: expocluster_storage expocluster_storage_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.expocluster_storage
    ADD CONSTRAINT expocluster_storage_pkey PRIMARY KEY (root);


--
-- Name: journal journal_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (ordering);


--
-- Name: journal journal_uq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.journal
    ADD CONSTRAINT journal_uq UNIQUE (persistence_id, sequence_number);


--
-- Name: snapshot snapshot_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.snapshot
    ADD CONSTRAINT snapshot_pkey PRIMARY KEY (persistence_id, sequence_number);


--
-- Name: tags tags_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (ordering_id, tag);


--
-- Name: expocluster_jobs_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX expocluster_jobs_newest ON public.expocluster_jobs USING btree (submitted_ms, job);


--
-- Name: expocluster_jobs_output; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX expocluster_jobs_output ON public.expocluster_jobs USING btree (output);


--
-- Name: journal_created_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX journal_created_idx ON public.journal USING btree (created);


--
-- Name: tags_persistence_id_sequence_nr_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tags_persistence_id_sequence_nr_idx ON public.tags USING btree (persistence_id, sequence_nr);


--
-- Name: tags_tag_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tags_tag_idx ON public.tags USING btree (tag);


--
-- Name: journal expocluster_one_writer; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER expocluster_one_writer BEFORE INSERT ON public.journal FOR EACH ROW WHEN ((new.persistence_id ~~ 'job-%'::text)) EXECUTE FUNCTION public.expocluster_one_writer();


--
-- PostgreSQL database dump complete
--


