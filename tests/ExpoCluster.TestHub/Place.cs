namespace ExpoCluster.TestHub;

/// <summary>Which part of the Hub a request is for.</summary>
public enum Place
{
    /// <summary>The question what a revision means.</summary>
    Revision,

    /// <summary>The list of files.</summary>
    Tree,

    /// <summary>A file, at the Hub itself.</summary>
    Resolve,

    /// <summary>A small file's content, at the Hub itself.</summary>
    Content,

    /// <summary>A large file's content, at the storage host.</summary>
    Storage,
}
