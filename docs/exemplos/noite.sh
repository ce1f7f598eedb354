#!/bin/sh
# Roda "tomticket-sync run" e repete, depois de uma pausa, só quando o código de saída é 4
# (temporário). Para o cron e para agendadores que não sabem repetir por código de saída.
#
# Uso: noite.sh ENTRADA [opções de "tomticket-sync run"]...
# ENTRADA é um arquivo: a entrada padrão (-) só pode ser lida uma vez, e não há como repeti-la.
# --max-duration vale para cada partida, e o fim dele também dá código 4: com ele, use PARTIDAS=1,
# ou o limite da conta pode ficar tomado pelo prazo vezes PARTIDAS.
#
# Variáveis: PARTIDAS  quantas vezes no máximo (padrão 4)
#            PAUSA     segundos entre uma e outra (padrão 900)
#            BINARIO   o programa (padrão tomticket-sync)
set -u

PARTIDAS=${PARTIDAS:-4}
PAUSA=${PAUSA:-900}
BINARIO=${BINARIO:-tomticket-sync}

case ${1:-} in
    - | /dev/stdin | /dev/fd/0)
        echo "noite.sh: a entrada padrão não pode ser lida de novo em outra partida. Grave-a em um arquivo e dê o caminho dele." >&2
        exit 2
        ;;
esac

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
