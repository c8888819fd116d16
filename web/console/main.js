// The public page begins here: who is it? Then the console.

import { Console } from './console.js';
import { $ } from './dom.js';
import { Door } from './door.js';
import { Session } from './session.js';

const session = new Session();

function enter() {
  door.hide();
  $('console').hidden = false;
  new Console(session).start();
}

const door = new Door(session, enter);

// A server that does not answer now may do so in a moment: the session is kept.
async function begin() {
  for (;;) {
    try {
      if (await session.restore()) enter();
      else door.show();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

begin();
