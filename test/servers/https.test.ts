/** The door with TLS of its own, over a certificate that openssl makes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { serve } from '../http/served.ts';

const home = mkdtempSync(join(tmpdir(), 'flyball-tls-'));
afterAll(() => rmSync(home, { recursive: true }));

test('beyond this machine it speaks TLS, and tells whoever has no token where to get one', async () => {
  const about = ['-subj', '/CN=flyball.example', '-addext', 'subjectAltName=DNS:flyball.example'];
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  const to = ['-keyout', join(home, 'key.pem'), '-out', join(home, 'cert.pem')];
  execFileSync('openssl', ['req', ...made, ...about, ...to], { stdio: 'ignore' });
  const tls = { cert: 'cert.pem', key: 'key.pem' };
  const at = await serve({ home, listen: { host: '0.0.0.0', port: 0, tls, hosts: ['flyball.example'] } });
  const answer = await new Promise<{ status: number | undefined; challenge: unknown; body: string }>(
    (resolve, reject) => {
      const ca = readFileSync(join(home, 'cert.pem'));
      const where = { ca, servername: 'flyball.example', headers: { host: 'flyball.example' } };
      request(`${at.url.replace('0.0.0.0', '127.0.0.1')}/api/v1/whoami`, where, async found =>
        resolve({
          status: found.statusCode,
          challenge: found.headers['www-authenticate'],
          body: await text(found),
        }),
      )
        .on('error', reject)
        .end();
    },
  );
  expect(at.url).toMatch(/^https:/);
  expect(answer).toMatchObject({
    status: 401,
    challenge: 'Bearer resource_metadata="https://flyball.example/.well-known/oauth-protected-resource"',
  });
  await at.end();
});
