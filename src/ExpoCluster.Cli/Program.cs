using ExpoCluster.Cli.Commands;

return await ExpoClusterCommand.RunAsync(args).ConfigureAwait(false);
