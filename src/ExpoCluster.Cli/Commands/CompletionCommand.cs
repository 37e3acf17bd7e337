using System.CommandLine;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster completion</c>: what a shell runs once to complete commands, options and their values.</summary>
/// <remarks>The scripts ask the program itself what may stand at the cursor, so they know whatever it knows; where it says nothing, shells offer files.</remarks>
internal static class CompletionCommand
{
    // The program finds words that hold what was typed anywhere; bash wants those that begin with it.
    private const string Bash = """
        # In ~/.bashrc:  source <(expocluster completion bash)
        _expocluster() {
          local line=${COMP_LINE:0:COMP_POINT}
          COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2> /dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _expocluster expocluster
        """;

    private const string Zsh = """
        #compdef expocluster
        # In ~/.zshrc, below compinit:  source <(expocluster completion zsh)
        _expocluster() {
          local line=${BUFFER[1,CURSOR]}
          local -a found=(${(f)"$("${words[1]}" "[suggest:${#line}]" "$line" 2> /dev/null)"})
          compadd -- $found || _files
        }
        compdef _expocluster expocluster
        """;

    private const string Fish = """
        # expocluster completion fish > ~/.config/fish/completions/expocluster.fish
        function __expocluster
          set -l line (commandline -cp)
          expocluster "[suggest:"(string length -- "$line")"]" "$line" 2> /dev/null
        end
        complete -c expocluster -a '(__expocluster)'
        """;

    private const string PowerShell = """
        # In $PROFILE:  expocluster completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName expocluster -ScriptBlock {
          param($word, $command, $position)
          $line = $command.ToString().PadRight($position).Substring(0, $position)
          expocluster "[suggest:$position]" $line 2> $null | Where-Object { $_ -like "$word*" } | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
          }
        }
        """;

    private static readonly Dictionary<string, string> Scripts = new() { ["bash"] = Bash, ["zsh"] = Zsh, ["fish"] = Fish, ["pwsh"] = PowerShell };

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { HelpName = string.Join('|', Scripts.Keys), Description = "The shell." };
        shell.AcceptOnlyFromAmong([.. Scripts.Keys]);
        var command = new Command("completion", "Print what a shell needs to complete this program's commands and options; its first line says where to put it.");
        command.Arguments.Add(shell);
        command.SetAction(parsed =>
        {
            Console.Out.Write(Scripts[parsed.GetValue(shell)!].ReplaceLineEndings("\n") + "\n");
            return ExitCodes.Done;
        });
        return command;
    }
}
