#!/bin/sh
# Ensaia uma exportação contra o TomTicket simulado e confere o efeito, sem conta, sem token de
# verdade e sem rede. Para pipelines: falha quando o arquivo não faria o que se espera.
#
# Uso: ensaio.sh ENTRADA [opções de "tomticket-sync run"]...
# Só --base-url e --summary-json não podem ser dadas: são do ensaio. Precisa de curl e jq.
#
# Variáveis: CONFERIR  TIPO/IDENTIFICADOR de um cliente a mostrar (codificado para URL),
#                      por exemplo E/ana.lima%40exemplo.com.br
#            BINARIO   o programa (padrão tomticket-sync)
#            SAIDA     pasta onde ficam ensaio.resultado.csv e ensaio.rejeitados.csv (padrão: a atual)
set -eu

BINARIO=${BINARIO:-tomticket-sync}
CONFERIR=${CONFERIR:-}
SAIDA=${SAIDA:-.}

pasta=$(mktemp -d)
sandbox=
limpar() {
    if [ -n "$sandbox" ]; then
        kill "$sandbox" 2>/dev/null || true
        wait "$sandbox" 2>/dev/null || true
    fi
    rm -rf "$pasta"
}
trap limpar EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A primeira linha que o simulador escreve é o endereço dele.
mkfifo "$pasta/endereco"
"$BINARIO" sandbox --rate unlimited >"$pasta/endereco" &
sandbox=$!
exec 3<"$pasta/endereco"
read -r url <&3

codigo=0
# Como variáveis, para que as opções dadas valham mais.
TOMTICKET_TOKEN=ensaio TOMTICKET_SYNC_RATE=${TOMTICKET_SYNC_RATE:-unlimited} \
TOMTICKET_SYNC_RESULTS=$SAIDA/ensaio.resultado.csv TOMTICKET_SYNC_REJECTS=$SAIDA/ensaio.rejeitados.csv \
    "$BINARIO" run "$@" --base-url "$url" --summary-json "$pasta/resumo.json" || codigo=$?

if [ -s "$pasta/resumo.json" ]; then
    jq '{linhas, situacoes, mensagens}' "$pasta/resumo.json"
fi
curl -sS "$url/_sandbox/contagem" | jq .
if [ -n "$CONFERIR" ]; then
    curl -sS --fail "$url/_sandbox/clientes/$CONFERIR" | jq .
fi
exit "$codigo"
