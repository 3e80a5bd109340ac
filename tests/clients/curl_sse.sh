#!/usr/bin/env bash
# Reads one event of an SSE stream with curl, which a message of mosquitto_pub causes.
# Usage: curl_sse.sh --http1.1|--http2-prior-knowledge URL TOKEN TENANT MQTT_PORT
set -euo pipefail

version=$1 url=$2 token=$3 tenant=$4 port=$5

coproc CURL {
    exec curl --silent --show-error --no-buffer --noproxy '*' "$version" --max-time 30 \
        --header "Authorization: Bearer $token" "$url"
}
curl=$CURL_PID
exec 3<&"${CURL[0]}"

while IFS= read -r line <&3; do
    printf '%s\n' "$line"
    case $line in
    'event: connected')
        mosquitto_pub -h 127.0.0.1 -p "$port" -q 1 -t "tenant/$tenant/device/DEV-1/telemetry" \
            -m '{"metrics":{"temperature":72.10},"provision_token":"secret"}'
        ;;
    *'"telemetry"'*)
        kill "$curl"
        exit 0
        ;;
    esac
done
echo "curl ended without an event" >&2
exit 1
