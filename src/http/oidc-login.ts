/** Logging in at the identity provider: the authorization code flow with PKCE, state and nonce. What it vouches for is a session here. */
import type { Asked, Reply } from './route.ts';

export interface OidcLogin {
  /** Sends the browser to the provider. */
  begin(asked: Asked): Promise<Reply>;
  /** Takes the provider's answer. */
  end(asked: Asked): Promise<Reply>;
}
