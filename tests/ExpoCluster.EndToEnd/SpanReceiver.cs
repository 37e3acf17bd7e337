using System.Globalization;
using System.Net;
using Google.Protobuf;

namespace ExpoCluster.EndToEnd;

/// <summary>A receiver of OTLP over HTTP that keeps the spans. It reads the few fields that it needs and skips all others.</summary>
public sealed class SpanReceiver : IDisposable
{
    private readonly HttpListener listener = new();
    private readonly List<ReceivedSpan> spans = [];
    private readonly Task serving;

    public SpanReceiver()
    {
        Url = $"http://127.0.0.1:{PostgresServer.FreePort()}";
        listener.Prefixes.Add(Url + "/");
        listener.Start();
        serving = ServeAsync();
    }

    public string Url { get; }

    public ReceivedSpan[] Spans
    {
        get
        {
            lock (spans)
            {
                return [.. spans];
            }
        }
    }

    public void Dispose()
    {
        listener.Close();
        serving.Wait(TimeSpan.FromSeconds(5));
    }

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            try
            {
                HttpListenerContext context = await listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                if (context.Request.Url!.AbsolutePath == "/v1/traces")
                {
                    Take(body.ToArray());
                }

                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or IOException)
            {
                // It was closed, or the other side was killed.
            }
        }
    }

    // ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
    // ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }, ScopeSpans { repeated Span spans = 2; }
    private void Take(byte[] request)
    {
        foreach (byte[] resourceSpans in Fields(request, 1))
        {
            Dictionary<string, string> resource = Fields(resourceSpans, 1).Select(bytes => Attributes(bytes, 1)).First();
            foreach (byte[] span in Fields(resourceSpans, 2).SelectMany(scope => Fields(scope, 2)))
            {
                var received = new ReceivedSpan(
                    resource["service.name"], System.Text.Encoding.UTF8.GetString(Fields(span, 5).Single()), Hex(span, 1), Hex(span, 2), Hex(span, 4), Attributes(span, 9));
                lock (spans)
                {
                    spans.Add(received);
                }
            }
        }
    }

    private static string Hex(byte[] message, int field) => Convert.ToHexStringLower(Fields(message, field).FirstOrDefault() ?? []);

    // KeyValue { string key = 1; AnyValue value = 2; }, AnyValue { string string_value = 1; int64 int_value = 3; }
    private static Dictionary<string, string> Attributes(byte[] message, int field) => Fields(message, field).ToDictionary(
        pair => System.Text.Encoding.UTF8.GetString(Fields(pair, 1).Single()),
        pair => Fields(pair, 2).Select(value => Fields(value, 1).Select(System.Text.Encoding.UTF8.GetString).FirstOrDefault() ?? Number(value, 3)).FirstOrDefault() ?? "");

    private static string Number(byte[] message, int field)
    {
        var input = new CodedInputStream(message);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (tag == WireFormat.MakeTag(field, WireFormat.WireType.Varint))
            {
                return input.ReadInt64().ToString(CultureInfo.InvariantCulture);
            }

            input.SkipLastField();
        }

        return "";
    }

    private static IEnumerable<byte[]> Fields(byte[] message, int field)
    {
        var input = new CodedInputStream(message);
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            if (tag == WireFormat.MakeTag(field, WireFormat.WireType.LengthDelimited))
            {
                yield return input.ReadBytes().ToByteArray();
            }
            else
            {
                input.SkipLastField();
            }
        }
    }
}
