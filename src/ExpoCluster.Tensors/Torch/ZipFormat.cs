namespace ExpoCluster.Tensors.Torch;

/// <summary>The numbers of the zip format (PKWARE's APPNOTE 6.3) that PyTorch's archives use.</summary>
internal static class ZipFormat
{
    public const uint LocalSignature = 0x0403_4B50;
    public const uint DescriptorSignature = 0x0807_4B50;
    public const uint DirectorySignature = 0x0201_4B50;
    public const uint EndSignature = 0x0605_4B50;
    public const uint Zip64EndSignature = 0x0606_4B50;
    public const uint Zip64LocatorSignature = 0x0706_4B50;

    public const int LocalBytes = 30;
    public const int DirectoryEntryBytes = 46;
    public const int EndBytes = 22;
    public const int Zip64EndBytes = 56;
    public const int Zip64LocatorBytes = 20;
    public const int DescriptorBytes = 16;
    public const int Zip64DescriptorBytes = 24;

    public const int DescriptorFlag = 0x0008;
    public const int Utf8Flag = 0x0800;

    /// <summary>Encryption of three kinds: traditional, strong, and of the directory.</summary>
    public const int EncryptionFlags = 0x0001 | 0x0040 | 0x2000;

    public const int Stored = 0;

    public const ushort Zip64ExtraId = 0x0001;

    /// <summary>PyTorch's own extra field, which holds nothing but padding.</summary>
    public const ushort PaddingExtraId = 0x4246;

    /// <summary>Where PyTorch lets content start: at multiples of this.</summary>
    public const int Alignment = 64;

    /// <summary>Stands in a field of 16 bits for a value that the zip64 field holds.</summary>
    public const ushort Beyond16 = ushort.MaxValue;

    /// <summary>Stands in a field of 32 bits for a value that the zip64 field holds.</summary>
    public const uint Beyond32 = uint.MaxValue;
}
