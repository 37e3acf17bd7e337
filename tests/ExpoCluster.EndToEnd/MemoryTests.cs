using System.Globalization;

namespace ExpoCluster.EndToEnd;

public sealed class MemoryTests(Xunit.Abstractions.ITestOutputHelper log)
{
    private const long MaxAnonymousBytes = 400_000_000;

    [LongFact]
    public void Memory_does_not_grow_with_the_model_nor_with_one_great_tensor()
    {
        long small = PeakAnonymousBytes(new Workplace("64MB"));
        long large = PeakAnonymousBytes(new Workplace("512MB"));
        var great = new Workplace();
        ManyTensors.WritePair(great.Root, count: 2, elements: 60_000_000);
        long greatTensor = PeakAnonymousBytes(great);

        log.WriteLine($"64 MB: {small:N0}, 512 MB: {large:N0}, one tensor of 240 MB: {greatTensor:N0}");
        Assert.All([small, large, greatTensor], peak => Assert.InRange(peak, 1, MaxAnonymousBytes));
        Assert.True(large < small * 1.25, $"{large} against {small}");
        Assert.True(greatTensor < small * 1.25, $"{greatTensor} against {small}");
    }

    // What the process holds besides file pages, as often as the kernel can be asked.
    private static long PeakAnonymousBytes(Workplace place)
    {
        using (place)
        {
            using ExpoProcess process = ExpoProcess.Start(place.Merge());
            long peak = 0;
            while (!process.HasExited)
            {
                peak = Math.Max(peak, AnonymousBytes(process.Id));
                Thread.Sleep(10);
            }

            RunResult merge = process.Wait();
            Assert.True(merge.ExitCode == 0, merge.ToString());
            return peak;
        }
    }

    private static long AnonymousBytes(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
