using MudBlazor;

namespace ExpoCluster.Server.Dashboard;

/// <summary>Colours of WCAG AA contrast in light and dark, and the system's own letters: nothing is fetched.</summary>
internal static class DashboardTheme
{
    private static readonly string[] Letters = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "DejaVu Sans", "sans-serif"];

    public static MudTheme Theme { get; } = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#0b5cad",
            Secondary = "#0f766e",
            Tertiary = "#6d3fc0",
            Info = "#0b5cad",
            Success = "#17703a",
            Warning = "#8a5300",
            Error = "#b3261e",
            Background = "#f5f6f8",
            Surface = "#ffffff",
            AppbarBackground = "#ffffff",
            AppbarText = "#1b2430",
            DrawerBackground = "#ffffff",
            DrawerText = "#33404f",
            DrawerIcon = "#4a5867",
            TextPrimary = "#1b2430",
            TextSecondary = "#4f5b69",
            TextDisabled = "#5f6b78",
            ActionDefault = "#4a5867",
            LinesDefault = "#dfe3e8",
            LinesInputs = "#76828f",
            TableLines = "#e6e9ed",
            Divider = "#dfe3e8",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#7db6f2",
            PrimaryContrastText = "#0b1a2b",
            Secondary = "#5fd0b8",
            SecondaryContrastText = "#06231d",
            Tertiary = "#c3a6f5",
            TertiaryContrastText = "#1d0f38",
            Info = "#7db6f2",
            InfoContrastText = "#0b1a2b",
            Success = "#6fd08c",
            SuccessContrastText = "#06230f",
            Warning = "#f0b860",
            WarningContrastText = "#2a1a00",
            Error = "#ff938a",
            ErrorContrastText = "#370603",
            Black = "#0e1217",
            Background = "#12171d",
            Surface = "#1a2129",
            AppbarBackground = "#1a2129",
            AppbarText = "#e7ecf2",
            DrawerBackground = "#1a2129",
            DrawerText = "#c4cdd7",
            DrawerIcon = "#a9b4c0",
            TextPrimary = "#e7ecf2",
            TextSecondary = "#aeb9c5",
            TextDisabled = "#93a0ad",
            ActionDefault = "#b6c1cc",
            LinesDefault = "#2e3843",
            LinesInputs = "#7d8996",
            TableLines = "#28313b",
            Divider = "#2e3843",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "8px", DrawerWidthLeft = "208px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = Letters, FontSize = ".875rem", LineHeight = "1.45", LetterSpacing = "normal" },
            H1 = new H1Typography { FontFamily = Letters, FontSize = "1.375rem", FontWeight = "650", LineHeight = "1.3", LetterSpacing = "-.01em" },
            H2 = new H2Typography { FontFamily = Letters, FontSize = "1rem", FontWeight = "650", LineHeight = "1.4", LetterSpacing = "normal" },
            Body1 = new Body1Typography { FontFamily = Letters, FontSize = ".9375rem", LineHeight = "1.5", LetterSpacing = "normal" },
            Body2 = new Body2Typography { FontFamily = Letters, FontSize = ".875rem", LineHeight = "1.45", LetterSpacing = "normal" },
            Button = new ButtonTypography { FontFamily = Letters, FontSize = ".875rem", FontWeight = "600", TextTransform = "none", LetterSpacing = "normal" },
            Caption = new CaptionTypography { FontFamily = Letters, FontSize = ".8125rem", LineHeight = "1.4", LetterSpacing = "normal" },
        },
    };
}
