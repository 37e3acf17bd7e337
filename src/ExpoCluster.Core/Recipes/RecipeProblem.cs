namespace ExpoCluster.Core.Recipes;

/// <summary>One thing that is wrong with a recipe.</summary>
/// <param name="Code">For example <c>EXPO2003</c>.</param>
/// <param name="Path">Where: <c>alpha</c>, <c>alpha (line 4)</c> or <c>--alpha</c>.</param>
/// <param name="Message">What is wrong, with what was expected and found.</param>
/// <param name="Advice">What to do about it.</param>
public sealed record RecipeProblem(string Code, string Path, string Message, string Advice);
