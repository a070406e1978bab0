using Punchline.Cli;
using Punchline.Cli.Roles;

using var shutdown = new Shutdown(code => Environment.Exit((int)code));
shutdown.Listen();
return (int)await CommandLine.RunAsync(args, CliHost.System(), new RoleFactory(), shutdown.Token);
