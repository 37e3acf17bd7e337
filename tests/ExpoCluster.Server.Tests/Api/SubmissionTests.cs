using System.Net;
using System.Text.Json.Nodes;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Core.Verification;

namespace ExpoCluster.Server.Tests.Api;

public sealed class SubmissionTests : ApiScene
{
    [Fact]
    public async Task A_submitted_recipe_is_published()
    {
        Job job = await FinishedAsync(Recipe() with { Name = "mine" });

        Assert.Equal(("done", "mine", Path.Join(Pair.Root, "out")), (job.State, job.Name, Assert.Single(job.Output)));
        Assert.Equal((1, 1), (job.Parts.Total, job.Parts.Committed));
        Assert.True(job.BytesWritten > 400 && job.BytesWritten == job.BytesTotal);
        Assert.True(OutputVerifier.Verify(job.Output[0], wholeFileSha256: false).IsSound);
    }

    [Fact]
    public async Task A_new_job_is_created_and_a_repeated_one_found_under_its_id()
    {
        string body = """{"id": "my-job", "base": "base", "aligned": "aligned", "alpha": 0.5, "out": "out"}""";
        HttpResponseMessage first = await PostAsync("/api/jobs", body);
        await WatchAsync("my-job");
        HttpResponseMessage second = await PostAsync("/api/jobs", body);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        Assert.Equal("/api/jobs/my-job", first.Headers.Location!.OriginalString);
        Assert.Single((await Client.ListAsync(new JobQuery())).Jobs);
    }

    [Fact]
    public async Task The_same_id_with_another_recipe_is_a_conflict()
    {
        await Client.SubmitAsync(Recipe(id: "my-job"));

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(
            () => Client.SubmitAsync(Recipe(id: "my-job", alpha: 0.7, output: "elsewhere")));

        Assert.Equal((409, "EXPO3012"), (refusal.Problem.Status, refusal.Code));
    }

    [Fact]
    public async Task Many_submissions_of_one_id_at_once_make_one_job()
    {
        SubmittedJob[] all = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Client.SubmitAsync(Recipe(id: "once"))));

        Assert.Single(all, submitted => submitted.IsNew);
        Assert.All(all, submitted => Assert.Equal("once", submitted.Job.Id));
        await WatchAsync("once");
    }

    [Fact]
    public async Task Without_an_id_the_same_recipe_and_output_is_the_same_job()
    {
        SubmittedJob first = await Client.SubmitAsync(Recipe());
        SubmittedJob second = await Client.SubmitAsync(Recipe());
        await WatchAsync(first.Job.Id);
        SubmittedJob third = await Client.SubmitAsync(Recipe());

        Assert.Equal((true, false, false), (first.IsNew, second.IsNew, third.IsNew));
        Assert.Equal([first.Job.Id, first.Job.Id], new[] { second.Job.Id, third.Job.Id });
        Assert.Equal("done", third.Job.State);
    }

    [Fact]
    public async Task An_output_of_another_model_is_a_conflict_unless_it_is_to_be_overwritten()
    {
        await FinishedAsync(Recipe());

        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => Client.SubmitAsync(Recipe(alpha: 0.7)));
        Assert.Equal((409, "EXPO2082"), (refusal.Problem.Status, refusal.Code));

        Job job = await FinishedAsync(Recipe(alpha: 0.7) with { Overwrite = true });
        Assert.Equal("done", job.State);
    }

    [Fact]
    public async Task Everything_that_is_wrong_with_a_recipe_is_told_at_once()
    {
        HttpResponseMessage response = await PostAsync(
            "/api/jobs", """{"id": "Not An Id", "base": "../elsewhere", "aligned": "/etc", "alpha": "much", "numerics": "odd", "colour": 1}""");
        JsonNode problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        Assert.Equal(Problem.MediaType, response.Content.Headers.ContentType!.MediaType);
        Assert.Equal(
            ["EXPO2002 colour", "EXPO2004 alpha", "EXPO2006 numerics", "EXPO2090 id"],
            problem["problems"]!.AsArray().Select(entry => $"{entry!["code"]} {entry["path"]}").Order());
        Assert.Equal((string?)problem["problems"]![0]!["code"], (string?)problem["code"]);
        Assert.Equal(422, (int)problem["status"]!);
    }

    [Theory]
    [InlineData("base", "/etc")]
    [InlineData("base", "../base")]
    [InlineData("aligned", "leads-out")]
    [InlineData("out", "/tmp/elsewhere")]
    [InlineData("out", "leads-out/out")]
    public async Task A_path_outside_the_storage_roots_is_refused(string key, string path)
    {
        Directory.CreateSymbolicLink(Path.Join(Pair.Root, "leads-out"), "/etc");
        JsonObject recipe = new() { ["base"] = "base", ["aligned"] = "aligned", ["alpha"] = 0.5, ["out"] = "out" };
        recipe[key] = path;

        HttpResponseMessage response = await PostAsync("/api/jobs", recipe.ToJsonString());

        Assert.Equal(HttpStatusCode.UnprocessableEntity, response.StatusCode);
        JsonNode problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.Equal("EXPO5020", (string?)problem["code"]);
        Assert.Equal(key, (string?)problem["problems"]![0]!["path"]);
    }

    [Fact]
    public async Task A_built_in_recipe_can_be_named_and_its_models_replaced()
    {
        HttpResponseMessage response = await PostAsync(
            "/api/plan", """{"recipe": "zephyr-7b-beta", "base": "base", "aligned": "aligned"}""");
        JsonNode plan = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(0.1, (double)plan["alpha"]!);
        Assert.Equal(Pair.Base, (string?)plan["base"]);
    }

    [Fact]
    public async Task A_plan_says_what_would_be_written_and_writes_nothing()
    {
        Client.Plans.PlanDescription plan = await Client.PlanAsync(Recipe());

        Assert.Equal(("expo", 0.5, 1), (plan.Method, plan.Alpha, plan.Parts));
        Assert.Equal(["model.safetensors"], plan.Files.Select(file => file.Name));
        Assert.Equal(800, plan.BytesRead);
        Assert.False(Directory.Exists(Pair.Output.Root));
    }

    [Theory]
    [InlineData("not json", "application/json", 400, "EXPO5104")]
    [InlineData("{\"alpha\": 1, \"alpha\": 2}", "application/json", 400, "EXPO5104")]
    [InlineData("{}", "text/plain", 415, "EXPO5104")]
    [InlineData("[]", "application/json", 422, "EXPO2012")]
    public async Task A_body_that_is_no_recipe_is_refused(string body, string mediaType, int status, string code)
    {
        HttpResponseMessage response = await PostAsync("/api/jobs", body, mediaType);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(code, (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }

    [Fact]
    public async Task A_body_without_end_is_refused()
    {
        HttpResponseMessage response = await PostAsync("/api/jobs", $"{{\"base\": \"{new string('x', 2 << 20)}\"}}");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal("EXPO5103", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }

    [Fact]
    public async Task A_list_without_end_is_refused()
    {
        string entries = string.Join(',', Enumerable.Repeat("0.5", 4097));

        HttpResponseMessage response = await PostAsync("/api/jobs", $"{{\"base\": \"base\", \"aligned\": \"aligned\", \"out\": \"out\", \"sweep\": [{entries}]}}");

        Assert.Equal("EXPO2013", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["code"]);
    }

    [Fact]
    public async Task What_cannot_be_a_model_of_the_Hub_is_a_problem_of_its_field()
    {
        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(
            () => Client.SubmitAsync(Recipe() with { Base = "hf:org/model/more", Aligned = "hf:../etc" }));

        Assert.Equal([("EXPO1150", "base"), ("EXPO1150", "aligned")], refusal.Problem.Problems!.Select(problem => (problem.Code, problem.Path)));
    }

    [Fact]
    public async Task A_sweep_names_all_its_outputs()
    {
        Job job = await FinishedAsync(Recipe() with { Alpha = null, Sweep = [0.1, 0.3] });

        Assert.Equal([Path.Join(Pair.Root, "out", "alpha-0.1"), Path.Join(Pair.Root, "out", "alpha-0.3")], job.Output);
    }
}
