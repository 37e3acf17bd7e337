using System.Diagnostics;
using System.Net.Sockets;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Tests.Publishing;

/// <summary>What stands under a name to publish, before anything is computed.</summary>
public sealed class PublishPreflightTests : IDisposable
{
    private readonly List<Socket> sockets = [];
    private readonly SmallPair pair = new(("model.safetensors", "a", 10));

    public PublishPreflightTests()
    {
        Directory.CreateDirectory(Path.Join(pair.Aligned, "additional_chat_templates"));
        File.WriteAllText(Path.Join(pair.Aligned, "additional_chat_templates", "tool.jinja"), "x");
        Directory.CreateDirectory(pair.Output.Root);
    }

    public void Dispose()
    {
        sockets.ForEach(socket => socket.Dispose());
        pair.Dispose();
    }

    [Theory]
    [InlineData("directory", "config.json", "a directory")]
    [InlineData("directory", "model.safetensors", "a directory")]
    [InlineData("directory", "expocluster.json", "a directory")]
    [InlineData("pipe", "README.md", "a named pipe")]
    [InlineData("socket", "config.json", "a socket")]
    [InlineData("link", "model.safetensors", "a symbolic link")]
    [InlineData("dangling link", "config.json", "a symbolic link")]
    [InlineData("file", "additional_chat_templates", "a regular file")]
    [InlineData("link", "additional_chat_templates", "a symbolic link")]
    [InlineData("directory", "additional_chat_templates/tool.jinja", "a directory")]
    public void What_is_no_file_is_not_replaced(string what, string name, string kind)
    {
        string path = pair.Output.Published(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Put(what, path);

        RecipeProblem? problem = PublishPreflight.FindObstacle(pair.Output, pair.Plan());

        Assert.NotNull(problem);
        Assert.Equal("EXPO2099", problem.Code);
        Assert.Contains($"{path} is {kind}", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pipe", true)]
    [InlineData("socket", true)]
    [InlineData("link", true)]
    [InlineData("dangling link", true)]
    [InlineData("directory", false)]
    public void Overwriting_moves_everything_away_but_directories(string what, bool isMoved)
    {
        Put(what, pair.Output.Published("config.json"));

        Assert.Equal(isMoved, PublishPreflight.FindObstacle(pair.Output, pair.Plan(), overwrite: true) is null);
    }

    [Fact]
    public void Files_and_what_has_other_names_are_in_nobodys_way()
    {
        File.WriteAllText(pair.Output.Published("config.json"), "{}");
        Directory.CreateDirectory(pair.Output.Published("logs"));
        Directory.CreateDirectory(pair.Output.Published("additional_chat_templates"));
        File.CreateSymbolicLink(pair.Output.Published("latest"), "logs");

        Assert.Null(PublishPreflight.FindObstacle(pair.Output, pair.Plan()));
        PublishPreflight.CheckRights(pair.Output, pair.Plan(), overwrite: true);
    }

    [Fact]
    public void In_a_sweep_the_folder_of_each_alpha_is_looked_at()
    {
        File.WriteAllText(pair.Output.Published("alpha-0.5"), "mine");
        PlannedMerge sweep = Planner.Plan(pair.Recipe with { Sweep = [0.25, 0.5] });

        Assert.Contains("alpha-0.5 is a regular file, and the output has a directory", PublishPreflight.FindObstacle(pair.Output, sweep)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_side_file_whose_name_is_as_long_as_names_can_be_is_published_under_it()
    {
        string name = new string('n', 250) + ".json";
        File.WriteAllText(Path.Join(pair.Aligned, name), "{}");

        Assert.Null(PublishPreflight.FindObstacle(pair.Output, pair.Plan()));
        string target = pair.Output.Published(name);
        Durability.WriteWhole(target, "whole"u8);
        Assert.Equal("whole", File.ReadAllText(target));
        Assert.Equal([target], Directory.EnumerateFiles(pair.Output.Root));
    }

    [Fact]
    public void Moving_is_tried_and_leaves_nothing()
    {
        Directory.CreateDirectory(pair.Output.Workspace);

        PublishPreflight.TryMoving(pair.Output);

        Assert.Empty(Directory.EnumerateFileSystemEntries(pair.Output.Workspace));
        Assert.Equal([pair.Output.Workspace], Directory.EnumerateFileSystemEntries(pair.Output.Root));
    }

    [Fact]
    public void A_workspace_whose_files_cannot_be_moved_to_its_side_is_refused()
    {
        Directory.CreateDirectory(pair.Output.Workspace);
        // No rename puts a file over a directory: the next best to a file system that has none.
        Directory.CreateDirectory(pair.Output.Published(".expocluster-trial"));

        StorageException exception = Assert.Throws<StorageException>(() => PublishPreflight.TryMoving(pair.Output));

        Assert.Equal("EXPO4003", exception.Code);
    }

    [Fact]
    public void A_file_system_that_copies_in_place_of_moving_is_refused_and_nothing_is_left_beside_the_workspace()
    {
        Directory.CreateDirectory(pair.Output.Workspace);

        StorageException exception = Assert.Throws<StorageException>(
            () => PublishPreflight.TryMoving(pair.Output, (from, to) => File.Copy(from, to, overwrite: true)));

        Assert.Equal("EXPO4003", exception.Code);
        Assert.Contains("what was moved is still there", exception.Message, StringComparison.Ordinal);
        Assert.Equal([pair.Output.Workspace], Directory.EnumerateFileSystemEntries(pair.Output.Root));
    }

    private void Put(string what, string path)
    {
        switch (what)
        {
            case "directory":
                Directory.CreateDirectory(path);
                break;
            case "file":
                File.WriteAllText(path, "mine");
                break;
            case "pipe":
                using (Process made = Process.Start("mkfifo", [path]))
                {
                    made.WaitForExit();
                }

                break;
            case "socket":
                // Disposed, it would be removed.
                sockets.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
                sockets[^1].Bind(new UnixDomainSocketEndPoint(path));
                break;
            default:
                string target = Path.Join(pair.Root, "elsewhere");
                if (what == "link")
                {
                    Directory.CreateDirectory(target);
                }

                File.CreateSymbolicLink(path, target);
                break;
        }
    }
}
