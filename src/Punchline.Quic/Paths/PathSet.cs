namespace Punchline.Quic.Paths;

/// <summary>The paths of one connection, and the one that data takes.</summary>
internal sealed class PathSet
{
    /// <summary>Pairs that we probe, and a few that the peer's packets made known.</summary>
    internal const int MaxPaths = CandidateRules.MaxPairs + 8;

    private readonly List<PathState> _all = [];
    private PathState? _lastFound;

    internal PathSet(PathState first)
    {
        _all.Add(first);
        Current = first;
        First = first;
    }

    /// <summary>The path that data takes: the one that the client nominated last.</summary>
    internal PathState Current { get; set; }

    /// <summary>The path of the handshake.</summary>
    internal PathState First { get; }

    internal int Count => _all.Count;

    internal PathState this[int index] => _all[index];

    /// <summary>The path by its network object, or null.</summary>
    internal PathState? Find(NetworkPath network)
    {
        if (_lastFound is { } last && ReferenceEquals(last.Network, network))
            return last;
        foreach (PathState path in _all)
        {
            if (ReferenceEquals(path.Network, network))
                return _lastFound = path;
        }
        return null;
    }

    /// <summary>
    /// Adds a path if there is room; one that the peer's packets made known gives way, if it has failed or was a server's for a pair before this one.
    /// </summary>
    /// <param name="path">The new path.</param>
    /// <param name="evicted">A path that had to go.</param>
    internal bool TryAdd(PathState path, out PathState? evicted)
    {
        evicted = null;
        if (path.IsPair && _all.Count(static known => known.IsPair) >= CandidateRules.MaxPairs)
            return false;
        if (_all.Count >= MaxPaths)
        {
            int victim = _all.FindIndex(known => !known.IsPair && (known.Stage == PathStage.Failed || known is { IsDirect: false, IsValidated: true }) && known != Current && known != First);
            if (victim < 0)
                return false;
            evicted = _all[victim];
            Remove(evicted);
        }
        _all.Add(path);
        return true;
    }

    internal void Remove(PathState path)
    {
        _all.Remove(path);
        if (_lastFound == path)
            _lastFound = null;
    }

    /// <summary>True if a direct path is validated and not suspect.</summary>
    internal bool HasDirect
    {
        get
        {
            foreach (PathState path in _all)
            {
                if (path is { IsDirect: true, IsValidated: true, IsSuspect: false })
                    return true;
            }
            return false;
        }
    }
}
