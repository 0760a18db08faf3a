@echo off
rem Called by run_tuning.bat and run_tests.bat with a lock file: what scripts/environment.sh does, for Windows. None of
rem this could be tried where it was written. Therefore no block in brackets, where variables are filled in before a
rem line of it runs and a bracket in a folder's name, as in "Program Files (x86)", ends it: jumps only.
rem Exit codes are compared as numbers: that of a crash is negative, which "if errorlevel 1" takes for success.

rem The folder above this one, as an absolute path without a backslash at its end, which would escape a quote.
for %%i in ("%~dp0..") do set "root=%%~fi"
set "venv=%root%\.venv"
set "python=%venv%\Scripts\python.exe"
rem A folder called data or models in the current directory is not to be taken for ours.
set "PYTHONPATH=%root%"
set "PYTHONSAFEPATH=1"

if not exist "%python%" goto make
fc /b "%root%\%~1" "%venv%\%~1" >nul 2>nul
if %errorlevel% equ 0 goto done
echo The list of packages has changed: bringing .venv up to date... 1>&2
goto install

:make
rem The launcher finds every Python that python.org's and the Store's installers have put there; "python" alone may be
rem a stub that opens the Store, which the look at its version finds out.
set found="%SEQTUNE_PYTHON%"
if defined SEQTUNE_PYTHON goto venv
set "found=py -3"
%found% -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if %errorlevel% equ 0 goto venv
set "found=python"
%found% -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if %errorlevel% equ 0 goto venv
echo error: Python 3.11 or newer is needed and was not found; install it from python.org, or name it: set SEQTUNE_PYTHON=C:\path\to\python.exe 1>&2
exit /b 1

:venv
echo Setting up .venv (once; takes a few minutes)... 1>&2
%found% -m venv --clear "%venv%"
if %errorlevel% equ 0 goto install
echo error: %venv% could not be made; is the folder writable and the disk not full? 1>&2
exit /b 1

:install
"%python%" -m pip install --quiet --disable-pip-version-check --requirement "%root%\%~1"
if %errorlevel% equ 0 goto door
echo error: the packages of %~1 could not be installed (pip's reason stands above); is there a network? Run the same command again to go on 1>&2
exit /b 1

:door
rem Scripts and notebooks find the packages from any folder. Code with an escaped path, and no plain path: which encoding
rem a .pth file is read in depends on Python's version and the system's language.
"%python%" -c "import os, pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), 'seqtune.pth').write_text('import sys; sys.path.append(' + ascii(os.environ['root']) + ')\n')"
rem Last, so that all of it is done again after an interruption.
copy /y "%root%\%~1" "%venv%\%~1" >nul

:done
exit /b 0
