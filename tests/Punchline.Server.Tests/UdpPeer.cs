using System.Net;
using System.Net.Sockets;
using Punchline.Quic;
using Punchline.Relay;
using Punchline.Testing;
using Punchline.Udp;
using Xunit;

namespace Punchline.Server.Tests;

/// <summary>A UDP socket on loopback that drives bindings and sees what the server forwards.</summary>
internal sealed class UdpPeer : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly MonotonicClock _clock = new(TimeProvider.System);
    private readonly byte[] _buffer = new byte[2048];

    public UdpPeer()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Address = new UdpAddress(IPAddress.Loopback, ((IPEndPoint)_socket.LocalEndPoint!).Port);
    }

    public UdpAddress Address { get; }

    public Instant Now => _clock.Now;

    public async Task<UdpBinding> BindAsync(UdpAddress server, ulong handle, byte[] key)
    {
        var binding = new UdpBinding(server, SystemRandomness.Instance, Now);
        binding.SetCredentials(handle, key, Now);
        while (!binding.IsBound)
        {
            byte[] outgoing = new byte[1200];
            if (binding.TryTransmit(Now, outgoing, out int length))
                await SendAsync(server, outgoing.AsMemory(0, length));
            (UdpAddress from, byte[] datagram) = await ReceiveAsync();
            binding.TryReceive(Now, from, datagram);
        }
        return binding;
    }

    public async Task SendAsync(UdpAddress to, ReadOnlyMemory<byte> datagram) =>
        await _socket.SendToAsync(datagram, to.ToIPEndPoint(), TestContext.Current.CancellationToken);

    public Task SendDataAsync(UdpAddress to, ulong handle, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[RelayFrame.DataHeaderLength + payload.Length];
        RelayFrame.WriteDataHeader(frame, handle);
        payload.CopyTo(frame.AsSpan(RelayFrame.DataHeaderLength));
        return SendAsync(to, frame);
    }

    public async Task<(UdpAddress From, byte[] Datagram)> ReceiveAsync()
    {
        SocketReceiveFromResult result = await Hang.OrAsync(
            _socket.ReceiveFromAsync(_buffer, new IPEndPoint(IPAddress.Any, 0), TestContext.Current.CancellationToken).AsTask(), $"a datagram at {Address}");
        var from = (IPEndPoint)result.RemoteEndPoint;
        return (new UdpAddress(from.Address, from.Port), _buffer.AsSpan(0, result.ReceivedBytes).ToArray());
    }

    public async Task<(ulong Handle, byte[] Payload)> ReceiveDataAsync()
    {
        (_, byte[] datagram) = await ReceiveAsync();
        Assert.True(RelayFrame.TryReadDataHeader(datagram, out ulong handle));
        return (handle, datagram[RelayFrame.DataHeaderLength..]);
    }

    public void Dispose() => _socket.Dispose();
}
