@echo off
rem Roda "tomticket-sync run" e repete, depois de uma pausa, quando o codigo de saida e 4 (temporario).
rem
rem Uso: noite.cmd ENTRADA [opcoes de "tomticket-sync run"]...
rem --max-duration vale para cada partida, e o fim dele tambem da codigo 4: com ele, use PARTIDAS=1.
rem
rem Variaveis: PARTIDAS  quantas vezes no maximo (padrao 4)
rem            PAUSA     segundos entre uma e outra (padrao 900)
rem            BINARIO   o programa (padrao tomticket-sync)
setlocal
if not defined PARTIDAS set PARTIDAS=4
if not defined PAUSA set PAUSA=900
if not defined BINARIO set BINARIO=tomticket-sync
rem "timeout" nao funciona sem janela; cada "ping" espera um segundo.
set /a PINGS=PAUSA+1
set PARTIDA=1
:partida
"%BINARIO%" run %*
set CODIGO=%ERRORLEVEL%
if not %CODIGO%==4 exit /b %CODIGO%
if %PARTIDA% geq %PARTIDAS% exit /b %CODIGO%
set /a PARTIDA+=1
ping -n %PINGS% 127.0.0.1 >nul
goto partida
