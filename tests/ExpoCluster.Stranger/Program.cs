using ExpoCluster.Stranger;

// stranger plain|tls PORT...: whoever finds a port of a node, and has everything but a certificate of its authority.
// Prints what came of it as one line of words and numbers.
if (args is not [("plain" or "tls") and string transport, .. string[] ports] || ports.Length == 0)
{
    await Console.Error.WriteLineAsync("usage: stranger plain|tls PORT...").ConfigureAwait(false);
    return 2;
}

Attempt attempt = await Attempt.MakeAsync(transport == "tls", [.. ports.Select(int.Parse)]).ConfigureAwait(false);
Console.WriteLine($"sent {attempt.Sent} answered {attempt.Answered} joined {attempt.Joined} {attempt.Kinds}");
return 0;
