/** What the API is, as an OpenAPI document and as a page: both for anybody who may ask at all. */
import { type Ports, propertiesOf } from '../commands/index.ts';
import { apiPage } from '../report/api-page.ts';
import { API, isAskedByGet, offered, pathOf } from './api.ts';
import { openApiDocument } from './openapi.ts';
import { pageReply } from './page-reply.ts';
import type { Asked, Route } from './route.ts';
import type { Traffic } from './traffic.ts';

export const DOCUMENT = `${API}/openapi.json`;

const HEADINGS = { read: 'Read', other: 'Change' } as const;

/** Neither says anything of this state: they are made of the program alone, once. */
export function docsRoutes({ settings }: Ports, traffic: Traffic, version: string): readonly Route[] {
  let text: string | undefined;
  const document = async (asked: Asked) => {
    await traffic.unknown(asked);
    text ??= `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
    return { status: 200, type: 'application/openapi+json;version=3.1', body: text };
  };
  const page = async (asked: Asked) => {
    await traffic.unknown(asked);
    return pageReply(200, apiPage({ env: settings.env, document: DOCUMENT, groups: groups() }));
  };
  return [
    { path: DOCUMENT, answers: { GET: document } },
    { path: '/api', answers: { GET: page } },
  ];
}

function groups() {
  const shown = offered.map(command => ({
    heading: command.effect === 'read' ? HEADINGS.read : HEADINGS.other,
    path: pathOf(command),
    methods: isAskedByGet(command) ? ['GET', 'POST'] : ['POST'],
    title: command.title,
    description: command.description,
    role: command.role,
    inputs: propertiesOf(command).map(({ name, type = 'any', required, description = '' }) => ({
      ...{ name, type, required, description },
    })),
  }));
  return Object.values(HEADINGS).map(name => ({ name, calls: shown.filter(one => one.heading === name) }));
}
