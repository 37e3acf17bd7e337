using System.Globalization;
using ExpoCluster.TestHub;

// ExpoCluster.TestHub DIRECTORY [PORT]: serves every DIRECTORY/org/name as a model, until it is stopped.
int port = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 0;
await using HubServer server = await HubServer.StartAsync(port);
foreach (string model in Directory.EnumerateDirectories(args[0]).SelectMany(Directory.EnumerateDirectories))
{
    server.Add(new TestRepository(Path.GetRelativePath(args[0], model).Replace('\\', '/')).WithDirectory(model));
}

Console.WriteLine("HF_ENDPOINT=" + server.Endpoint);
await Task.Delay(Timeout.Infinite);
