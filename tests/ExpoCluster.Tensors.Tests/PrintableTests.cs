using System.Text.Encodings.Web;
using System.Text.Json;

namespace ExpoCluster.Tensors.Tests;

public sealed class PrintableTests
{
    // Of what could do harm it escapes least.
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Theory]
    [InlineData("model.layers.0.mlp.up_proj.weight")]
    [InlineData("C:\\models\\größe-模型-модель")]
    [InlineData("‖Δ‖ → α · 🦙")]
    [InlineData("[red]markup[/] {0} %s")]
    [InlineData("")]
    public void What_is_seen_stays_as_it_is(string text)
    {
        Assert.Equal(text, Printable.Of(text));
        Assert.Equal(text, Printable.Lines(text));
    }

    [Theory]
    [InlineData("\u001b[31mred", "\\u001b[31mred")]
    [InlineData("a\nerror EXPO1: b", "a\\nerror EXPO1: b")]
    [InlineData("a\r\tb", "a\\r\\tb")]
    [InlineData("\0\u0007\u007f", "\\u0000\\u0007\\u007f")]
    [InlineData("\u009b31m\u0085\u0080\u009f", "\\u009b31m\\u0085\\u0080\\u009f")]
    [InlineData("\u202a\u202e\u2066\u2069\u200e\u200f\u061c", "\\u202a\\u202e\\u2066\\u2069\\u200e\\u200f\\u061c")]
    [InlineData("a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg", "a\\u200bb\\u200cc\\u200dd\\u2060e\\ufefff\\u00adg")]
    [InlineData("\u2028\u2029", "\\u2028\\u2029")]
    [InlineData("\ufe0f\u034f\u3164\u115f", "\\ufe0f\\u034f\\u3164\\u115f")]
    [InlineData("x\U000e0041\U000e007fy", "x\\udb40\\udc41\\udb40\\udc7fy")]
    [InlineData("\U000e0100", "\\udb40\\udd00")]
    public void What_is_not_seen_or_turns_its_neighbours_round_is_written_out(string text, string shown) => Assert.Equal(shown, Printable.Of(text));

    [Fact]
    public void Half_a_surrogate_pair_is_written_out_wherever_it_stands()
    {
        Assert.Equal("\\ud800", Printable.Of("\ud800"));
        Assert.Equal("a\\udc00b", Printable.Of("a\udc00b"));
        Assert.Equal("\\ud83d🦙", Printable.Of("\ud83d🦙"));
    }

    [Fact]
    public void Each_of_all_characters_is_either_seen_or_written_in_ASCII()
    {
        for (int unit = char.MinValue; unit <= char.MaxValue; unit++)
        {
            string shown = Printable.Of(((char)unit).ToString());

            Assert.True(shown.Length == 1 ? shown[0] == unit && !char.IsControl(shown[0]) && !char.IsSurrogate(shown[0]) : shown.All(char.IsAscii), $"U+{unit:X4}: {shown}");
        }
    }

    [Fact]
    public void What_is_escaped_once_more_stays_the_same() =>
        Assert.Equal(Printable.Of("\u001b[0m\n\u202e"), Printable.Line(Printable.Of("\u001b[0m\n\u202e")));

    [Fact]
    public void A_line_of_JSON_stays_the_same_JSON()
    {
        const string name = "a\u0085\u202e\u2028\U000e0041\"\\\n\u001b";
        string json = JsonSerializer.Serialize(name, Relaxed);

        Assert.Equal(name, JsonSerializer.Deserialize<string>(Printable.Line(json)));
    }

    [Fact]
    public void Lines_of_our_own_keep_what_breaks_them_and_nothing_else() =>
        Assert.Equal("one\n\ttwo\r\nthree\\r\\u001b\n", Printable.Lines("one\n\ttwo\r\nthree\r\u001b\n"));

    [Fact]
    public void A_name_is_shortened_and_says_so()
    {
        Assert.Equal(new string('x', Printable.LongestName), Printable.Of(new string('x', Printable.LongestName)));
        Assert.Equal(new string('x', Printable.LongestName) + "… (800 characters more)", Printable.Of(new string('x', Printable.LongestName + 800)));
        Assert.DoesNotContain("\\u", Printable.Shortened("ab🦙🦙", 3), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_names_are_counted()
    {
        Assert.Equal("a, b\\n", Printable.Some(["a", "b\n"], 2));
        Assert.Equal("a, b and 2 more", Printable.Some(["a", "b", "c", "d"], 2));
    }
}
