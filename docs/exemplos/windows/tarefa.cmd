@echo off
rem A tarefa do Agendador: edite os caminhos. Tudo fica em C:\tomticket, que so voce deve poder ler.
rem {inicio} e o comeco da execucao: cada noite fica com os seus arquivos. Ate 20 linhas a corrigir
rem ainda sao codigo 0. O que o programa escreve fica em ultima-noite.txt, em UTF-8.
cd /d C:\tomticket
call noite.cmd "C:\crm\clientes.csv" --config tomticket-sync.toml --token-file token.txt --results "clientes.{inicio}.resultado.csv" --rejects "clientes.{inicio}.rejeitados.csv" --ok-with 20 --quiet >ultima-noite.txt 2>&1
exit /b %ERRORLEVEL%
