#ifndef PORTICO_CLINUX_H
#define PORTICO_CLINUX_H
#endif
