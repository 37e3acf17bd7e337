using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Credentials;

/// <summary>Credentials cannot be made, or what is there does not fit together.</summary>
public sealed class CredentialsException(string message, string advice, Exception? innerException = null)
    : ExpoException(Impossible, message, advice, innerException)
{
    public const string Impossible = "EXPO5036";
}
