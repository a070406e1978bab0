namespace Punchline.PortMapping;

/// <summary>Asks a router by several protocols at once whether it speaks them, and then for a mapping by the best one that gives it.</summary>
/// <param name="gateway">The router.</param>
/// <param name="mappers">The protocols, best first; not empty.</param>
/// <param name="time">For the moment that better ones have.</param>
/// <param name="told">Is told of each answer.</param>
internal sealed class ProtocolChoice(Gateway gateway, IMapper[] mappers, TimeProvider time, Action<MapperNews> told)
{
    private string Router => gateway.Address.ToIPAddress().ToString();

    /// <summary>Asks.</summary>
    /// <returns>Who has got the mapping; null if nobody has.</returns>
    public async Task<(IMapper? Mapper, Mapping Mapping)> AcquireAsync(CancellationToken stop)
    {
        using var finding = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task<bool>[] finds = [.. mappers.Select(mapper => mapper.FindAsync(finding.Token))];
        try
        {
            await FirstAsync(finds, stop).ConfigureAwait(false);
            return await MapAsync(finds, stop).ConfigureAwait(false);
        }
        finally
        {
            await finding.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(finds.AsEnumerable<Task>()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Waits for the first that is there, and gives those that are better, but slower by a moment, their chance.</summary>
    private async Task FirstAsync(Task<bool>[] finds, CancellationToken stop)
    {
        List<Task<bool>> open = [.. finds];
        bool found = false;
        while (!found && open.Count > 0)
        {
            Task<bool> done = await Task.WhenAny(open).ConfigureAwait(false);
            open.Remove(done);
            found = await done.ConfigureAwait(false);
        }
        try
        {
            await Task.WhenAll(finds).WaitAsync(MappingLimits.BetterProtocolTime, time, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Then it is the ones that are there.
        }
    }

    /// <summary>Takes the best of those that are there, then the next, also one that is found only meanwhile.</summary>
    private async Task<(IMapper? Mapper, Mapping Mapping)> MapAsync(Task<bool>[] finds, CancellationToken stop)
    {
        var tried = new HashSet<IMapper>();
        while (true)
        {
            IMapper? mapper = mappers.Zip(finds).FirstOrDefault(one => one.Second is { IsCompletedSuccessfully: true, Result: true } && !tried.Contains(one.First)).First;
            if (mapper is not null)
            {
                tried.Add(mapper);
                MappingReply reply = await mapper.MapAsync(stop).ConfigureAwait(false);
                if (reply.Outcome == MappingOutcome.Granted)
                {
                    Tell(reply.Mapping, $"{MappingText.Of(mapper.Protocol)} at {Router} maps {reply.Mapping.External} {MappingText.Lifetime(reply.Mapping)}");
                    return (mapper, reply.Mapping);
                }
                Tell(null, $"{MappingText.Of(mapper.Protocol)} at {Router} gives no port mapping: {MappingText.Why(reply)}");
                continue;
            }
            Task<bool>[] open = [.. finds.Where(find => !find.IsCompleted)];
            if (open.Length == 0)
            {
                if (tried.Count == 0)
                    Tell(null, $"no port mapping: {Router} answers none of {string.Join(", ", mappers.Select(static mapper => MappingText.Of(mapper.Protocol)))}");
                return default;
            }
            await Task.WhenAny(open).ConfigureAwait(false);
        }
    }

    private void Tell(Mapping? mapping, string detail) => told(new MapperNews(mapping, detail));
}
