#!/bin/sh
# Roda "tomticket-sync run" e repete, depois de uma pausa, só quando o código de saída é 4
# (temporário). Para o cron e para agendadores que não sabem repetir por código de saída.
#
# Uso: noite.sh ENTRADA [opções de "tomticket-sync run"]...
#
# Variáveis: PARTIDAS  quantas vezes no máximo (padrão 4)
#            PAUSA     segundos entre uma e outra (padrão 900)
#            BINARIO   o programa (padrão tomticket-sync)
set -u

PARTIDAS=${PARTIDAS:-4}
PAUSA=${PAUSA:-900}
BINARIO=${BINARIO:-tomticket-sync}

partida=1
while :; do
    "$BINARIO" run "$@"
    codigo=$?
    if [ "$codigo" -ne 4 ] || [ "$partida" -ge "$PARTIDAS" ]; then
        exit "$codigo"
    fi
    partida=$((partida + 1))
    sleep "$PAUSA"
done
