using Microsoft.Extensions.Logging;

namespace Punchline.Cli.Roles;

/// <summary>The log of the server's parts as events: warnings for everyone, the rest for whoever asked for details.</summary>
internal sealed class EventLoggerFactory(IProgress<PunchlineEvent> events, TimeProvider time) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new EventLogger(categoryName, events, time);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class EventLogger(string category, IProgress<PunchlineEvent> events, TimeProvider time) : ILogger
    {
        // Kestrel tells of every connection at its lowest levels: what is of use is ours.
        private readonly LogLevel _from = category.StartsWith("Punchline", StringComparison.Ordinal) ? LogLevel.Debug : LogLevel.Warning;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= _from && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            var text = formatter(state, exception);
            if (exception is not null)
                text += ": " + exception.ToString().ReplaceLineEndings(" ");
            events.Report(
                logLevel >= LogLevel.Error ? new Problem(time.GetUtcNow(), ProblemCode.Internal, text)
                : logLevel == LogLevel.Warning ? new Notice(time.GetUtcNow(), text)
                : new Detail(time.GetUtcNow(), text));
        }
    }
}
