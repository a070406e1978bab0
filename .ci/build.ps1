# The Windows twin of build.sh, called by punchline.cmd: builds in Release when a source is newer than the last
# build, one process at a time. Ends with 0 when the program is there.
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $PSScriptRoot
$project = Join-Path $root 'src\Punchline.Cli'
$stamp = Join-Path $project 'bin\Release\punchline.built'
$sources = 'src', 'global.json', 'Directory.Build.props', 'Directory.Packages.props', '.editorconfig', 'BannedSymbols.txt' |
    ForEach-Object { Join-Path $root $_ }

function Test-Stale {
    if (-not (Test-Path $stamp)) { return $true }
    $built = (Get-Item $stamp).LastWriteTimeUtc
    $newer = Get-ChildItem $sources -Recurse -Force |
        Where-Object { $_.FullName -notmatch '[\\/](bin|obj)([\\/]|$)' -and $_.LastWriteTimeUtc -gt $built } |
        Select-Object -First 1
    return $null -ne $newer
}

if (-not (Test-Stale)) { exit 0 }
Get-ChildItem (Join-Path $root 'src') -Directory | ForEach-Object {
    New-Item -ItemType Directory -Force (Join-Path $_.FullName 'bin'), (Join-Path $_.FullName 'obj') | Out-Null
}
New-Item -ItemType Directory -Force (Split-Path -Parent $stamp) | Out-Null

# A file that only one process may have open is the lock; Windows closes it with its owner.
$lock = $null
while ($null -eq $lock) {
    try { $lock = [IO.File]::Open((Join-Path $project 'obj\build.lock'), 'OpenOrCreate', 'ReadWrite', 'None') }
    catch [IO.IOException] { Start-Sleep -Milliseconds 500 }
}
try {
    if (-not (Test-Stale)) { exit 0 }
    $begun = [DateTime]::UtcNow
    & dotnet build $project -c Release -v quiet --nologo --tl:off -clp:NoSummary --disable-build-servers -nodeReuse:false
    if ($LASTEXITCODE -ne 0) { exit 1 }
    [IO.File]::WriteAllText($stamp, '')
    [IO.File]::SetLastWriteTimeUtc($stamp, $begun)
}
finally { $lock.Dispose() }
exit 0
