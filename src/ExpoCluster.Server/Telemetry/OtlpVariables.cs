namespace ExpoCluster.Server.Telemetry;

/// <summary>What OpenTelemetry's own variables ask for. The exporter reads the rest of them by itself.</summary>
/// <param name="read">The value of a variable; null where there is none.</param>
internal sealed class OtlpVariables(Func<string, string?> read)
{
    public static readonly OtlpVariables OfThisProcess = new(Environment.GetEnvironmentVariable);

    public bool WantsTraces => Wants("TRACES");

    public bool WantsMetrics => Wants("METRICS");

    // An empty variable is none, as specified: a compose file hands all of them on, set or not.
    private bool Wants(string signal) =>
        !string.Equals(Value("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
        && (Value($"OTEL_{signal}_EXPORTER") ?? "otlp").Split(',', StringSplitOptions.TrimEntries).Contains("otlp")
        && (Value("OTEL_EXPORTER_OTLP_ENDPOINT") ?? Value($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")) is not null;

    private string? Value(string name) => read(name) is { Length: > 0 } value ? value : null;
}
