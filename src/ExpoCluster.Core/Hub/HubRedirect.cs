using System.Diagnostics.CodeAnalysis;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>Addresses that an answer names: text of somebody else, relative to where it came from.</summary>
internal static class HubRedirect
{
    /// <summary>Where an answer's Location leads.</summary>
    /// <param name="from">Where the answer came from.</param>
    /// <param name="location">As it stands there; null for none.</param>
    /// <param name="subject">What was asked for, for the error.</param>
    /// <exception cref="HubException">Nowhere, out of encryption, or out of the web.</exception>
    public static Uri Target(Uri from, string? location, string subject)
    {
        if (location is null || !TryResolve(from, location, out Uri? target))
        {
            throw HubErrors.RedirectRefused(subject, $"{HubText.Of(from)} names no target");
        }

        bool isWeb = target.Scheme == Uri.UriSchemeHttps || (target.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp);
        return isWeb ? target : throw HubErrors.RedirectRefused(subject, $"from {from.Scheme} to {Printable.Of(target.Scheme)}");
    }

    /// <summary>False where it is no address.</summary>
    public static bool TryResolve(Uri from, string text, [NotNullWhen(true)] out Uri? target)
    {
        try
        {
            // Some names show only when they are written for the wire that they are none.
            return Uri.TryCreate(from, text, out target) && target.IdnHost is not null;
        }
        catch (UriFormatException)
        {
            target = null;
            return false;
        }
    }

    /// <summary>Scheme, host and port, all three: whoever else listens on a host is somebody else.</summary>
    public static bool IsOfSameOrigin(Uri one, Uri other) =>
        one.Scheme == other.Scheme && one.Port == other.Port && string.Equals(one.IdnHost, other.IdnHost, StringComparison.OrdinalIgnoreCase);
}
