// An OpenID provider for tests: `node server.mjs MODULES`, where MODULES is the folder of npm's.
//
// It speaks with whoever started it in lines of JSON. The first line that it reads is its
// configuration, to which it answers with its port; each further one is a command, answered in one
// line. It ends when its standard input does, so that it outlives nobody.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const modules = createRequire(join(process.argv[2], 'node_modules', 'x.js'));
const { Provider } = await import(pathToFileURL(modules.resolve('oidc-provider')));

const SCOPES = [
  'openid',
  'email',
  'profile',
  'offline_access',
  'https://mail.google.com/',
  'https://outlook.office.com/IMAP.AccessAsUser.All',
  'https://outlook.office.com/SMTP.Send',
];

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const config = JSON.parse((await lines.next()).value);

// By login name; each has claims, of which `sub` is one.
const users = new Map(Object.entries(config.users));
const userOf = (sub) => [...users].find(([, claims]) => claims.sub === sub);

const scripted = [];
const requests = {};
const systemNow = Date.now;

// What the provider stores: a Map by model and id.
const stored = new Map();

class Storage {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload) {
    stored.set(this.key(id), payload);
  }

  async find(id) {
    return stored.get(this.key(id));
  }

  async findByUid(uid) {
    return [...stored.values()].find((each) => each.kind === this.model && each.uid === uid);
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    stored.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, each] of stored) if (each.grantId === grantId) stored.delete(key);
  }
}

function provider(issuer) {
  const client = {
    client_id: config.client_id,
    client_secret: config.client_secret,
    redirect_uris: config.redirect_uris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: config.auth_method,
  };
  // Whoever is shown a token asks about it under a name of their own (RFC 7662).
  const asking = {
    client_id: config.asking_id,
    client_secret: config.asking_secret,
    redirect_uris: [],
    grant_types: [],
    response_types: [],
  };
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return new Provider(issuer, {
    adapter: Storage,
    clients: [client, asking],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    scopes: SCOPES,
    claims: {
      openid: ['sub', 'tid'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    issueRefreshToken: () => true,
    rotateRefreshToken: () => config.rotate,
    expiresWithSession: () => false,
    clockTolerance: 0,
    ttl: {
      AccessToken: () => config.access_token_seconds,
      AuthorizationCode: () => config.code_seconds,
      IdToken: () => 3600,
      Interaction: () => 3600,
      Session: () => 3600,
      Grant: () => 90 * 86_400,
      RefreshToken: () => 90 * 86_400,
    },
    findAccount: (ctx, sub) => {
      const found = userOf(sub);
      return found && { accountId: sub, claims: () => found[1] };
    },
    // What the introspection endpoint says beside what it always says.
    extraTokenClaims: (ctx, token) => {
      const [username, claims] = userOf(token.accountId);
      return { username, email: claims.email };
    },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      userinfo: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      dPoP: { enabled: false },
    },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: (ctx, out) => {
      ctx.type = 'json';
      ctx.body = out;
    },
  });
}

async function form(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return Object.fromEntries(new URLSearchParams(text));
}

// Signing in and consenting are one step: a form with `user` and `consent`.
async function interact(oidc, ctx) {
  const { user, consent } = await form(ctx.req);
  const { params, prompt, session, grantId } = await oidc.interactionDetails(ctx.req, ctx.res);
  const result = {};
  if (consent !== 'yes') {
    Object.assign(result, { error: 'access_denied', error_description: 'the user said no' });
  } else if (prompt.name === 'login') {
    result.login = { accountId: users.get(user).sub };
  } else {
    const grant = grantId
      ? await oidc.Grant.find(grantId)
      : new oidc.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result.consent = { grantId: await grant.save() };
  }
  ctx.respond = false;
  await oidc.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
}

async function answerAsTold(ctx) {
  const { grant_type: type } = await form(ctx.req);
  const { status, body } = scripted.shift();
  ctx.status = status;
  ctx.type = 'json';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
  return type;
}

function count(type) {
  requests[type] = (requests[type] ?? 0) + 1;
}

const commands = {
  claims: ({ user, claims }) => Object.assign(users.get(user), claims),
  requests: () => requests,
  revoke: ({ user }) => {
    const { sub } = users.get(user);
    for (const [key, each] of stored) if (each.accountId === sub) stored.delete(key);
  },
  script: (answer) => scripted.push(answer),
  skew: ({ seconds }) => {
    Date.now = () => systemNow() + seconds * 1000;
  },
};

const server = createServer({ key: config.key, cert: config.chain });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const oidc = provider(`https://${config.host}:${port}`);
oidc.use(async (ctx, next) => {
  const [, place] = ctx.path.split('/');
  if (place === 'interaction' && ctx.method === 'POST') {
    await interact(oidc, ctx);
  } else if (place === 'interaction') {
    ctx.body = 'Post user=<login name> and consent=yes or consent=no.\n';
  } else if (ctx.path === '/token' && ctx.method === 'POST') {
    if (scripted.length) {
      count(await answerAsTold(ctx));
    } else {
      await next();
      count(ctx.oidc?.params?.grant_type);
    }
  } else {
    await next();
  }
});
server.on('request', oidc.callback());
say({ port });

for await (const line of lines) {
  const { command, ...rest } = JSON.parse(line);
  say((await commands[command](rest)) ?? null);
}
process.exit();
