/** Who can reach the door: beyond this machine only with proof of who asks, and with TLS. */
import { expect, test } from 'vitest';
import { ask, serve } from './served.ts';

const everywhere = { host: '0.0.0.0', port: 0 };

test.each([
  [{ listen: everywhere }, false, 'tokens would cross the network as they are'],
  [{ listen: everywhere, trust: 'local-user' as const }, true, 'under trust: local-user'],
  [{ trust: 'local-user' as const }, true, 'under trust: local-user'],
  [
    { listen: { ...everywhere, tls: { cert: 'a.pem', key: 'b.pem' } } },
    false,
    'a.pem cannot be read (ENOENT)',
  ],
])('%j, behind a proxy: %s, is not opened', async (settings, behindProxy, why) => {
  await expect(serve(settings, { behindProxy })).rejects.toThrow(why);
});

test('behind a proxy it is, and asks by the name that its users see', async () => {
  const at = await serve(
    { listen: { ...everywhere, publicUrl: 'https://flyball.example' } },
    { behindProxy: true },
  );
  const local = at.url.replace('0.0.0.0', '127.0.0.1');
  const found = await ask(local, '/.well-known/oauth-protected-resource', {
    headers: { host: 'flyball.example' },
  });
  expect(found.body).toMatchObject({ resource: 'https://flyball.example' });
  await at.end();
});
