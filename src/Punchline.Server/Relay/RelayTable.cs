using System.Buffers.Binary;
using System.Collections.Concurrent;
using Punchline.Quic;
using Punchline.Relay;

namespace Punchline.Server.Relay;

/// <summary>All handles. The control side adds and removes, the UDP loop looks up.</summary>
internal sealed class RelayTable(IRandomness randomness)
{
    private readonly ConcurrentDictionary<ulong, RelayBinding> _bindings = new();
    private readonly ConcurrentDictionary<ulong, RelayPair> _pairs = new();

    /// <summary>Pairs at this moment.</summary>
    public int PairCount => _pairs.Count / 2;

    /// <summary>A new end with an unguessable handle and key.</summary>
    /// <param name="channel">What it stands on.</param>
    public RelayBinding AddBinding(IRelayChannel channel)
    {
        byte[] key = new byte[RelayFrame.KeyLength];
        randomness.FillSecret(key);
        while (true)
        {
            var binding = new RelayBinding(DrawHandle(), key, channel);
            if (_bindings.TryAdd(binding.Handle, binding))
                return binding;
        }
    }

    /// <summary>A new pair between two ends.</summary>
    /// <param name="client">Its client's end.</param>
    /// <param name="host">Its host's end.</param>
    /// <param name="budgets">What it spends from.</param>
    public RelayPair AddPair(RelayBinding client, RelayBinding host, in PairBudgets budgets)
    {
        while (true)
        {
            var pair = new RelayPair(client, host, DrawHandle(), budgets);
            if (pair.HostHandle == client.Handle || !_pairs.TryAdd(pair.HostHandle, pair))
                continue;
            _pairs[client.Handle] = pair;
            return pair;
        }
    }

    public void Remove(RelayBinding binding) => _bindings.TryRemove(binding.Handle, out _);

    public void Remove(RelayPair pair)
    {
        _pairs.TryRemove(pair.HostHandle, out _);
        _pairs.TryRemove(pair.Client.Handle, out _);
        Remove(pair.Client);
        pair.Host.Forget(pair);
    }

    public bool TryGetBinding(ulong handle, out RelayBinding? binding) => _bindings.TryGetValue(handle, out binding);

    public bool TryGetPair(ulong handle, out RelayPair? pair) => _pairs.TryGetValue(handle, out pair);

    private ulong DrawHandle()
    {
        Span<byte> bytes = stackalloc byte[8];
        randomness.FillSecret(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }
}
