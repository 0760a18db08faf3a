@echo off
rem Starts or resumes a hyperparameter study on Windows; sets itself up on first use. See run_tuning.bat --help
rem It could not be tried where it was written; scripts/environment.bat says more.
setlocal
call "%~dp0scripts\environment.bat" requirements.lock
if %errorlevel% neq 0 exit /b 1
rem Alone it is a demonstration: five minutes on all cores, on the embedded data set.
if "%~1"=="" goto demonstration
"%python%" -m tune %*
exit /b %errorlevel%

:demonstration
"%python%" -m tune --timeout 5m --workers auto
exit /b %errorlevel%
