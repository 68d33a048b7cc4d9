/** Markdown of what comes from outside: shown as code, so that it cannot become markup, a mention or a picture. Pure. */
import { safe } from './time.ts';

/** One line, as code. */
export function code(text: string, most = 200): string {
  return `\`${safe(text, most).replaceAll('`', "'").replaceAll('|', '\\|')}\``;
}

/** Several lines, as a block of code. Characters that steer a terminal or the direction of text become blanks. */
export function block(text: string, most = 4000): string {
  const lines = text.replace(/(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').slice(0, most);
  return `\`\`\`text\n${lines.replaceAll('```', "'''").trim()}\n\`\`\``;
}
