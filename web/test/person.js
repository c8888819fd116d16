// What all tests of the console do: an account, its page, the door.

export const password = 'a long password';

/** An account's page, logged in, that watches some tokens. */
export async function enter({ browser, auth, server }, username, watched = [], options = {}) {
  await auth().register(username, password);
  return visit({ browser, server }, username, watched, options);
}

/** The same for an account that there is. */
export async function visit({ browser, server }, username, watched = [], options = {}) {
  const list = JSON.stringify(JSON.stringify(watched));
  const key = JSON.stringify(`azira.watch.${username}`);
  const page = await browser.page(server.direct, { ...options,
    early: `localStorage[${key}] ??= ${list}; ${options.early ?? ''}` });
  await login(page, username);
  await page.until('!document.querySelector("#console").hidden', 'the console');
  return page;
}

/** Types name and password, and Enter. */
export async function login(page, username, secret = password) {
  await page.until('document.querySelector("#door:not([hidden])")', 'the door');
  await page.see('username.value = ""; document.querySelector("#password").value = ""');
  await page.click('#username');
  await page.type(username);
  await page.click('#password');
  await page.type(secret);
  await page.press('Enter');
}

/** Waits until prices are those of now. */
export function live(page) {
  return page.until(`document.querySelector('#fact-feed').innerText.includes('Live')
    && document.querySelector('#fact-stream').innerText.includes('Open')
    && document.querySelector('#banner').hidden`, 'live');
}
