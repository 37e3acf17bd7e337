namespace ExpoCluster.Cluster.Certificates;

/// <summary>Why a certificate is not taken.</summary>
/// <param name="Reason">Half a sentence that begins with the certificate's name.</param>
/// <param name="IsAboutTime">It is expired or not valid yet; otherwise its origin is wrong.</param>
public sealed record CertificateRefusal(string Reason, bool IsAboutTime);
