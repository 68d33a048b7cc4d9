/** A process that dies in the middle of a schema step, for the test of half-applied migrations. */
import { Connection } from './connection.ts';

const [path = ''] = process.argv.slice(2);
const db = new Connection(path, 1000);
db.begin();
db.run('INSERT INTO migrations VALUES (99)');
db.exec('CREATE TABLE extra (a INTEGER) STRICT; ALTER TABLE meta ADD COLUMN half TEXT');
process.kill(process.pid, 'SIGKILL');
