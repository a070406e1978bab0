using System.Text.Json;
using Punchline.Diagnostics;
using Punchline.Quic;
using Xunit;

namespace Punchline.Tests.Diagnostics;

/// <summary>What waits for a disk is bounded, and what found no room is told.</summary>
public sealed class QlogConnectionTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task A_disk_that_stands_still_costs_bounded_memory_and_the_gap_is_told()
    {
        const int records = 200_000;
        byte[] record = JsonSerializer.SerializeToUtf8Bytes(new { time = 1, name = "test:event", data = new { text = new string('x', 100) } });
        using var gate = new ManualResetEventSlim();
        long leftOut;
        await using (var output = new QlogOutput(_ => { }, _ => new GatedStream(new FileStream(_file, FileMode.Create), gate)))
        {
            var log = new QlogConnection(output, _file, """{"file_schema":"test"}"""u8.ToArray());
            // Some 30 MB, of which the disk takes none now.
            for (int i = 0; i < records; i++)
                log.Add(Instant.Zero, record);
            gate.Set();
            while (log.LeftOut == 0 || !TryAdd(log, record))
                await Task.Yield();
            leftOut = log.LeftOut;
            log.Complete();
            Assert.Equal(leftOut, log.LeftOut);
        }
        Assert.InRange(leftOut, records / 2, records);
        QlogFile file = QlogFile.Read(_file);
        Assert.Equal("test", file.Header.GetProperty("file_schema").GetString());
        JsonElement[] gaps = [.. file.Named("loglevel:warning")];
        Assert.Equal(leftOut, gaps.Sum(gap => long.Parse(gap.GetProperty("message").GetString()!.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.True(file.Named("test:event").Count() < QlogOutput.MaxWaiting / record.Length + 10_000);
    }

    [Fact]
    public async Task A_connection_that_does_little_is_written_after_a_second()
    {
        byte[] record = """{"time":1,"name":"test:event","data":{}}"""u8.ToArray();
        await using var output = new QlogOutput(_ => { }, _ => new FileStream(_file, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0));
        var log = new QlogConnection(output, _file, "{}"u8.ToArray());
        log.Add(Instant.Zero, record);
        log.Add(Instant.Zero + TimeSpan.FromSeconds(1), record);
        while (new FileInfo(_file).Length == 0)
            await Task.Yield();
        log.Complete();
    }

    // Adds records until one of them has made a piece that the disk takes: then the gap before it is told.
    private static bool TryAdd(QlogConnection log, byte[] record)
    {
        long before = log.LeftOut;
        for (int i = 0; i < 2_000; i++)
            log.Add(Instant.Zero, record);
        return log.LeftOut == before;
    }

    private sealed class GatedStream(Stream inner, ManualResetEventSlim gate) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            gate.Wait();
            inner.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
