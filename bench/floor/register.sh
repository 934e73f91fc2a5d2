#!/bin/bash
# The least that registering takes: one connection, one request, one line of the answer.
exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API##*:}"
printf 'POST /2020-01-01/extension/register HTTP/1.1\r\nHost: x\r\nLambda-Extension-Name: floor\r\nContent-Length: 32\r\n\r\n{"events":["INVOKE","SHUTDOWN"]}' >&3
read -r _ <&3
