using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Server.Credentials;

/// <summary>The certificate of a cluster's node that was given none: one for all nodes of this user on this machine, made once.</summary>
/// <param name="directory">Where it is kept; nobody else may enter.</param>
/// <param name="clock">Certificates are good for a time.</param>
public sealed class OwnCredentials(string directory, TimeProvider clock)
{
    private const string Advice = "give --tls-cert, --tls-key and --tls-ca, as expocluster credentials makes them.";

    // Longer than a node is likely to run without being started again.
    private static readonly TimeSpan RenewedBefore = TimeSpan.FromDays(180);

    /// <summary>Below the user's own data, as XDG_DATA_HOME or the system has it.</summary>
    /// <exception cref="CredentialsException">This user has no such place.</exception>
    public static OwnCredentials OfThisUser(TimeProvider clock) =>
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify) is { Length: > 0 } data
            ? new OwnCredentials(Path.Join(data, "expocluster", "credentials"), clock)
            : throw new CredentialsException("this user has no home directory in which a node could keep its certificate.", Advice);

    /// <summary>Makes what is missing, and renews what will not be good for long.</summary>
    /// <exception cref="CredentialsException">It cannot be made, or the directory is not this user's alone.</exception>
    public NodeCertificate Certificate()
    {
        Enter();
        string file = PathOf(ClusterCredentials.CertificateName);
        if (File.Exists(file) && EndOf(file) - clock.GetUtcNow().UtcDateTime < RenewedBefore)
        {
            File.Delete(file);
        }

        new ClusterCredentials(directory, PathOf(ClusterCredentials.AuthorityKeyName), clock).MakeForNodes([]);
        return NodeCertificate.Read(file, PathOf(ClusterCredentials.KeyName), PathOf(ClusterCredentials.AuthorityName), clock.GetUtcNow());
    }

    private static DateTime EndOf(string file) => NodeCertificate.ReadCertificates("--tls-cert", file)[0].NotAfter.ToUniversalTime();

    private void Enter()
    {
        try
        {
            if (PrivateDirectory.Make(directory) is { } why)
            {
                throw new CredentialsException($"{directory} {why}, so nothing in it proves who a node is.", $"remove it, or {Advice}");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CredentialsException($"{directory} cannot be made ({exception.Message}).", Advice, exception);
        }
    }

    private string PathOf(string name) => Path.Join(directory, name);
}
