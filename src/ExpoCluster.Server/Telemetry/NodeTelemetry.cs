using ExpoCluster.Core.Telemetry;
using ExpoCluster.Server.Nodes;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ExpoCluster.Server.Telemetry;

/// <summary>Who listens to this node's instruments and spans: Prometheus at its HTTP address, and whoever OpenTelemetry's variables name.</summary>
internal sealed class NodeTelemetry : IDisposable
{
    private const string ServiceName = "expocluster";

    private readonly TracerProvider? traces;

    private NodeTelemetry(MeterProvider? metrics, TracerProvider? traces)
    {
        Metrics = metrics;
        this.traces = traces;
    }

    /// <summary>Null where nobody can ask for them.</summary>
    public MeterProvider? Metrics { get; }

    /// <summary>Begins to listen to what is asked for.</summary>
    public static NodeTelemetry Start(NodeOptions options, OtlpVariables otlp) => new(
        options.Http is not null || otlp.WantsMetrics ? BuildMetrics(options, otlp) : null,
        otlp.WantsTraces ? BuildTraces(options) : null);

    /// <summary>What was gathered is sent, if that can be done within seconds.</summary>
    public void Dispose()
    {
        traces?.Dispose();
        Metrics?.Dispose();
    }

    private static MeterProvider BuildMetrics(NodeOptions options, OtlpVariables otlp)
    {
        MeterProviderBuilder builder = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => Describe(resource, options))
            .AddMeter(EngineTelemetry.Name)
            .AddRuntimeInstrumentation()
            .AddAspNetCoreInstrumentation()
            .AddHttpClientInstrumentation();
        if (options.Http is not null)
        {
            // Without the name of the meter on each line: there is one.
            builder.AddPrometheusExporter(exporter => exporter.ScopeInfoEnabled = false);
        }

        return (otlp.WantsMetrics ? builder.AddOtlpExporter() : builder).Build();
    }

    private static TracerProvider BuildTraces(NodeOptions options) => Sdk.CreateTracerProviderBuilder()
        .ConfigureResource(resource => Describe(resource, options))
        .AddSource(EngineTelemetry.Name)
        .AddAspNetCoreInstrumentation(http => http.Filter = context => context.Request.Path.StartsWithSegments("/api"))
        .AddHttpClientInstrumentation()
        .AddOtlpExporter()
        .Build();

    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, read last, win.
    private static void Describe(ResourceBuilder resource, NodeOptions options) => resource
        .AddService(ServiceName, serviceVersion: options.Version)
        .AddAttributes([new("expocluster.roles", string.Join(',', options.Roles))])
        .AddEnvironmentVariableDetector();
}
