#include "RedisStoreTexts.h"

// In this order: a file uses what the files before it define.
static const unsigned char functions[] = {
#embed "../Lua/clock.lua" suffix(, '\n',)
#embed "../Lua/event.lua" suffix(, '\n',)
#embed "../Lua/writes.lua" suffix(, '\n',)
#embed "../Lua/numbers.lua" suffix(, '\n',)
#embed "../Lua/away.lua" suffix(, '\n',)
#embed "../Lua/pools.lua" suffix(, '\n',)
#embed "../Lua/holds.lua" suffix(, '\n',)
#embed "../Lua/accounts.lua" suffix(, '\n',)
#embed "../Lua/keys.lua" suffix(, '\n',)
#embed "../Lua/walk.lua" suffix(, '\n',)
#embed "../Lua/erased.lua" suffix(, '\n',)
#embed "../Lua/debts.lua" suffix(, '\n',)
#embed "../Lua/terms.lua" suffix(, '\n',)
#embed "../Lua/allocations.lua" suffix(, '\n',)
#embed "../Lua/names.lua" suffix(, '\n',)
#embed "../Lua/notes.lua" suffix(, '\n',)
#embed "../Lua/decide.lua" suffix(, '\n',)
#embed "../Lua/returns.lua" suffix(, '\n',)
#embed "../Lua/erasing.lua" suffix(, '\n',)
#embed "../Lua/correcting.lua" suffix(, '\n',)
#embed "../Lua/claims.lua" suffix(, '\n',)
#embed "../Lua/batch.lua" suffix(, '\n',)
#embed "../Lua/move.lua" suffix(, '\n',)
#embed "../Lua/change.lua" suffix(, '\n',)
#embed "../Lua/catalogue.lua" suffix(, '\n',)
#embed "../Lua/reading.lua" suffix(, '\n',)
#embed "../Lua/sale.lua" suffix(, '\n',)
#embed "../Lua/find.lua" suffix(, '\n',)
#embed "../Lua/tally.lua" suffix(, '\n',)
#embed "../Lua/mend.lua" suffix(, '\n',)
#embed "../Lua/leave.lua" suffix(, 0)
};

const unsigned char *const redis_store_functions = functions;
