@echo off
rem Starts Punchline from its sources: builds when a source is newer than the last build, then runs the program.
powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0.ci\build.ps1" 1>&2
if errorlevel 1 (
    echo punchline: the build failed, see above 1>&2
    exit /b 1
)
dotnet "%~dp0src\Punchline.Cli\bin\Release\net10.0\Punchline.Cli.dll" %*
