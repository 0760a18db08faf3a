@echo off
rem Sets itself up on first use, then runs the fast linters and the tests on Windows. Arguments go to pytest. It could
rem not be tried where it was written; tests that kill, or look into /proc, ask for a system that has these.
setlocal
call "%~dp0scripts\environment.bat" requirements-dev.lock
if %errorlevel% neq 0 exit /b 1
cd /d "%root%"
if not defined SEQTUNE_DATA if exist "..\shared\data" set "SEQTUNE_DATA=%root%\..\shared\data"
"%venv%\Scripts\ruff.exe" check .
if %errorlevel% neq 0 exit /b 1
"%venv%\Scripts\ruff.exe" format --check .
if %errorlevel% neq 0 exit /b 1
"%python%" -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder %*
exit /b %errorlevel%
