namespace Punchline.Interop.Matrix;

/// <summary>What is tried; the rows of the matrix, in this order.</summary>
internal enum Case
{
    Handshake,
    HelloRetryRequest,
    Retry,
    VersionNegotiation,
    Transfer,
    ManyStreams,
    ClientCertificate,
    Resumption,
    KeyUpdate,
    Rebinding,
    Migration,
    HeavyFaults,
    IdleTimeout,
    ApplicationClose,
}

/// <summary>With whom; the columns, in this order. The role is the other program's.</summary>
internal enum Peer
{
    Ngtcp2Client,
    Ngtcp2Server,
    QuicheClient,
    QuicheServer,
}
