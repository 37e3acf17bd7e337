using BenchmarkDotNet.Running;

// Run in Release: dotnet run -c Release --project tests/ExpoCluster.Benchmarks -- --filter '*Kernel*'
BenchmarkSwitcher.FromAssembly(typeof(ExpoCluster.Benchmarks.KernelBenchmarks).Assembly).Run(args);
