using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Pipes, devices, sockets and what the kernel makes up, wherever a stranger may have put a file for us to open.</summary>
public sealed class HostileFileTests : IDisposable
{
    private const string Patience = "60";
    private const string Secret = "EXPO_TEST_SECRET";

    private readonly Workplace place = new("2MB");
    private readonly List<Socket> sockets = [];

    public static TheoryData<string> Kinds => ["pipe", "socket", "/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/kcore", "/proc/kmsg"];

    public static TheoryData<string, string> KindsInCheckpoints
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (string file in new[] { "model.safetensors", "model.safetensors.index.json", "config.json", "tokenizer.json", "LICENSE" })
            {
                foreach (string kind in new[] { "pipe", "socket", "/dev/zero", "/proc/self/environ" })
                {
                    all.Add(file, kind);
                }
            }

            return all;
        }
    }

    private string Record => Path.Join(place.Output, "expocluster.json");

    public void Dispose()
    {
        sockets.ForEach(socket => socket.Dispose());
        place.Dispose();
    }

    [Theory]
    [MemberData(nameof(KindsInCheckpoints))]
    public void In_a_checkpoint_it_is_refused_by_every_command_and_none_waits_for_it(string file, string kind)
    {
        if (file.EndsWith("index.json", StringComparison.Ordinal))
        {
            File.Delete(Path.Join(place.Aligned, "model.safetensors"));
        }

        Put(kind, Path.Join(place.Aligned, file));
        string[] pair = ["--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3"];

        AssertRefused(3, Run(["plan", .. pair]), file);
        AssertRefused(3, Run(["merge", .. pair, "--out", place.Output]), file);
        AssertRefused(3, Run(["diff", place.Base, place.Aligned]), file);
        if (file.StartsWith("model", StringComparison.Ordinal))
        {
            AssertRefused(3, Run(["inspect", place.Aligned]), file);
            AssertRefused(3, Run(["inspect", Path.Join(place.Aligned, "model.safetensors")]), "model.safetensors");
        }

        Assert.False(Directory.Exists(place.Output));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void As_a_recipe_or_a_record_it_is_refused(string kind)
    {
        Put(kind, place.PathOf("recipe.yaml"));
        AssertRefused(2, Run(["plan", place.PathOf("recipe.yaml")]), "recipe.yaml");
        AssertRefused(2, Run(["merge", place.PathOf("recipe.yaml"), "--out", place.Output]), "recipe.yaml");

        Assert.Equal(0, Run(place.Merge()).ExitCode);
        Put(kind, Record);
        AssertRefused(3, Run(["verify", place.Output]), "expocluster.json");
        AssertRefused(3, Run(["report", place.Output, "--out", place.PathOf("report.html")]), "expocluster.json");
        AssertRefused(2, Run(place.Merge()), place.Output);
        Assert.False(File.Exists(place.PathOf("report.html")));
        RunResult replaced = Run(place.Merge("--overwrite"));
        Assert.True(replaced.ExitCode == 0, replaced.ToString());
        Assert.Equal(0, Run(["verify", place.Output]).ExitCode);
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("/dev/zero")]
    [InlineData("/proc/self/environ")]
    public void As_published_weights_it_is_not_verified(string kind)
    {
        Assert.Equal(0, Run(place.Merge()).ExitCode);
        Put(kind, Path.Join(place.Output, "model.safetensors"));

        RunResult verified = Run(["verify", place.Output]);

        Assert.True(verified.ExitCode is 1 or 3, verified.ToString());
        AssertRefused(verified.ExitCode, verified, "model.safetensors");
    }

    [Theory]
    [InlineData("claim", 4)]
    [InlineData("journal.db", 0)]
    [InlineData("hub.json", 0)]
    [InlineData("room", 0)]
    [InlineData("side-files", 0)]
    public void As_a_file_of_the_workspace_it_is_refused_or_swept_away(string name, int exit)
    {
        Directory.CreateDirectory(Path.Join(place.Output, ".expocluster"));
        Put("pipe", Path.Join(place.Output, ".expocluster", name));

        RunResult merge = Run(place.Merge());

        Assert.True(merge.ExitCode == exit, merge.ToString());
    }

    [Fact]
    public void A_side_file_of_another_place_is_not_published_and_linked_weights_are_read_and_said()
    {
        File.WriteAllText(place.PathOf("elsewhere.json"), "{}");
        File.CreateSymbolicLink(Path.Join(place.Aligned, "tokenizer.json.bak"), place.PathOf("elsewhere.json"));
        string weights = Path.Join(place.Base, "model.safetensors");
        File.Move(weights, place.PathOf("elsewhere.safetensors"));
        File.CreateSymbolicLink(weights, place.PathOf("elsewhere.safetensors"));

        RunResult followed = Run(place.Merge());
        Put(place.PathOf("elsewhere.json"), Path.Join(place.Aligned, "tokenizer.json"));
        RunResult refused = Run(place.Merge("--restart"));

        Assert.True(followed.ExitCode == 0, followed.ToString());
        Assert.Contains(place.PathOf("elsewhere.safetensors"), Assert.Single(followed.Json.GetProperty("notes").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.Contains("note: " + weights, followed.Errors, StringComparison.Ordinal);
        AssertRefused(3, refused, "tokenizer.json");
        Assert.Contains("EXPO1121", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, Run(["verify", place.Output]).ExitCode);
    }

    [Theory]
    [InlineData("other/.expocluster/job", "EXPO2095")]
    [InlineData("cache/merged", "EXPO2096")]
    [InlineData("models--a--b/blobs/merged", "EXPO2096")]
    public void An_output_among_what_is_not_the_users_to_arrange_is_refused(string output, string code)
    {
        Directory.CreateDirectory(place.PathOf("cache"));
        string[] arguments = ["--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf(output)];

        foreach (string command in new[] { "plan", "merge" })
        {
            RunResult refused = Run([command, .. arguments], [("HF_HUB_CACHE", place.PathOf("cache"))]);
            AssertRefused(2, refused, output);
            Assert.Contains(code, refused.Errors, StringComparison.Ordinal);
        }

        Assert.False(Directory.Exists(place.PathOf(output)));
    }

    [Fact]
    public void A_path_that_is_no_UTF_8_is_refused_and_nothing_of_another_name_is_made()
    {
        string[] before = Directory.GetFileSystemEntries(place.Root);
        string quoted = $"'{ExpoProcess.ProgramPath}'";
        foreach (string command in new[]
        {
            $"{quoted} merge --base '{place.Base}' --aligned '{place.Aligned}' --alpha 0.3 --out '{place.Root}'/o$'\\xff'",
            $"{quoted} merge --base '{place.Base}' --aligned '{place.Root}'/a$'\\xff' --alpha 0.3 --out '{place.Output}'",
            $"{quoted} sample '{place.Root}'/s$'\\xff' --size 1MB",
            $"cd '{place.Root}' && mkdir d$'\\xff' && cd d$'\\xff' && {quoted} merge --base '{place.Base}' --aligned '{place.Aligned}' --alpha 0.3 --out o; code=$?; cd ..; rm -r d$'\\xff'; exit $code",
        })
        {
            RunResult refused = Run("bash", ["-c", command], []);

            Assert.True(refused.ExitCode is 2 or 3, refused.ToString());
            Assert.Contains("UTF-8", refused.Errors, StringComparison.Ordinal);
            Assert.Equal(before, Directory.GetFileSystemEntries(place.Root));
        }
    }

    [FactNeeding(Needs.Root, "mount")]
    public void Side_files_that_do_not_fit_are_known_before_anything_is_computed()
    {
        using var disk = new SmallDisk(place.PathOf("disk"), "24m");
        using (FileStream tokenizer = File.Create(Path.Join(place.Aligned, "tokenizer.json")))
        {
            tokenizer.SetLength(30_000_000);
        }

        AssertFullBeforehand(disk, "needed 3");
    }

    [FactNeeding(Needs.Root, "mount")]
    public void A_disk_without_inodes_is_known_before_anything_is_computed()
    {
        using var disk = new SmallDisk(place.PathOf("disk"), "24m,nr_inodes=12");

        AssertFullBeforehand(disk, "inodes");
    }

    private static void AssertRefused(int exit, RunResult result, string named)
    {
        Assert.True(result.ExitCode == exit, result.ToString());
        Assert.Contains("error EXPO", result.Errors, StringComparison.Ordinal);
        Assert.Contains(named, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("EXPO3000", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, result.Output + result.Errors, StringComparison.Ordinal);
    }

    private void AssertFullBeforehand(SmallDisk disk, string said)
    {
        string[] arguments = ["--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", Path.Join(disk.Path, "out"), "--json"];
        RunResult plan = Run(["plan", .. arguments]);
        RunResult merge = Run(["merge", .. arguments]);

        Assert.Equal((4, 4), (plan.ExitCode, merge.ExitCode));
        Assert.Equal("EXPO4001", merge.Json.GetProperty("code").GetString());
        Assert.Contains(said, merge.Errors, StringComparison.Ordinal);
        Assert.Equal(0, merge.Json.GetProperty("bytesWritten").GetInt64());
        Assert.Equal(JsonValueKind.Null, merge.Json.TryGetProperty("job", out JsonElement job) ? job.ValueKind : JsonValueKind.Null);
        Assert.Empty(Directory.EnumerateFileSystemEntries(disk.Path));
    }

    private void Put(string kind, string path)
    {
        File.Delete(path);
        switch (kind)
        {
            case "pipe":
                using (Process made = Process.Start("mkfifo", [path]))
                {
                    made.WaitForExit();
                }

                break;
            case "socket":
                sockets.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
                sockets[^1].Bind(new UnixDomainSocketEndPoint(path));
                break;
            default:
                File.CreateSymbolicLink(path, kind);
                break;
        }
    }

    private static RunResult Run(string[] arguments) => Run(arguments, []);

    private static RunResult Run(string[] arguments, (string Name, string Value)[] environment) => Run(ExpoProcess.ProgramPath, arguments, environment);

    // A command that hangs is ended, and its exit code, 124 or 137, is none that is expected.
    private static RunResult Run(string program, string[] arguments, (string Name, string Value)[] environment)
    {
        Dictionary<string, string> variables = environment.ToDictionary(variable => variable.Name, variable => variable.Value);
        variables[Secret] = Secret;
        using ExpoProcess process = ExpoProcess.StartOther("timeout", variables, ["-k", "5", Patience, program, .. arguments]);
        return process.Wait();
    }
}
