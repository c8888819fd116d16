// Every bound of the client, with its unit. What the server's welcome says goes
// before the figures of the wire given here.

// Of the wire.
export const hbMsMin = 500;
export const hbMsDefault = 5_000;
export const hbMsMax = 30_000;
export const frameBytes = 4096; // of a request that is no subscribe
export const subscribeBytes = 131_072;
export const tokenBytes = 64; // of a token's name
export const opsPerSecond = 10;
export const opsBurst = 50;
export const silentBeats = 3; // times hb_ms without a byte: the connection is dead

// Of the client.
export const openMs = 10_000; // from the start of a connect to its welcome
export const answerMs = 30_000; // from a request, or a piece of its answer, to the next
export const credentialMs = 30_000; // for the user's function to give one
export const httpMs = 15_000; // one call of Auth
export const backoffMinMs = 250; // bound of the first pause before a reconnect
export const backoffMaxMs = 15_000;
export const retryAfterMaxMs = 300_000; // a longer Retry-After is cut to this
export const spread = 0.25; // of a pause that the server asked for, added at random
export const stableMs = 5_000; // a connection this old starts the back-off anew
export const errorMs = 1_000; // a socket's close event after its error event
export const healDoublings = 5; // a heal in vain doubles the pause to the next, so often
export const buffer = 4096; // ticks that wait for a slow consumer in order
export const renewMs = 60_000; // a bearer with less time left is renewed
export const exponentMax = 1000; // of a decimal in text; larger ones are not prices
