// A libzmq publisher that sends ticks of 110 bytes as fast as it is let: with
// XPUB_NODROP it waits for its subscriber instead of dropping.
//
//     pub ENDPOINT TOKENS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define TICK "NSE:%06d & {\"token\":\"NSE:%06d\",\"ltp\":43520.35," \
	"\"bestbidprice\":43520.30,\"bestaskprice\":43520.40,\"volume\":12}"

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	int tokens = atoi(argv[2]), hwm = 100000, wait = 1;
	char (*ticks)[128] = calloc(tokens, sizeof *ticks);
	int *sizes = calloc(tokens, sizeof *sizes);
	if (tokens < 1 || !ticks || !sizes)
		return 2;
	for (int i = 0; i < tokens; i++)
		sizes[i] = snprintf(ticks[i], sizeof *ticks, TICK, i, i);
	void *pub = zmq_socket(zmq_ctx_new(), ZMQ_PUB);
	zmq_setsockopt(pub, ZMQ_SNDHWM, &hwm, sizeof hwm);
	zmq_setsockopt(pub, ZMQ_XPUB_NODROP, &wait, sizeof wait);
	if (zmq_bind(pub, argv[1])) {
		fprintf(stderr, "bind %s: %s\n", argv[1], zmq_strerror(zmq_errno()));
		return 1;
	}
	for (;;)
		for (int i = 0; i < tokens; i++)
			zmq_send(pub, ticks[i], sizes[i], 0);
}
