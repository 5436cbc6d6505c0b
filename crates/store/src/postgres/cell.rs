//! Parameters that own their values, so that a statement can be sent now and waited for later.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::DbError;
use crate::tx::Rows;
use crate::value::Param;

/// A parameter that owns its value, so that it can be sent now and waited for later.
#[derive(Debug)]
pub(super) enum Cell {
    Int(Option<i64>),
    Bool(Option<bool>),
    Real(Option<f64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Uuid(Option<Uuid>),
    Ints(Vec<Option<i64>>),
    Bools(Vec<Option<bool>>),
    Reals(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
    Byteses(Vec<Option<Vec<u8>>>),
    Uuids(Vec<Option<Uuid>>),
}

impl Cell {
    pub(super) fn one(param: Param<'_>) -> Self {
        match param {
            Param::Int(value) => Self::Int(value),
            Param::Bool(value) => Self::Bool(value),
            Param::Real(value) => Self::Real(value),
            Param::Text(value) => Self::Text(value.map(str::to_owned)),
            Param::Bytes(value) => Self::Bytes(value.map(<[u8]>::to_vec)),
            Param::Uuid(value) => Self::Uuid(value),
        }
    }

    /// The column of rows that starts with `first`.
    pub(super) fn column(first: Param<'_>, rows: usize) -> Self {
        match first {
            Param::Int(_) => Self::Ints(Vec::with_capacity(rows)),
            Param::Bool(_) => Self::Bools(Vec::with_capacity(rows)),
            Param::Real(_) => Self::Reals(Vec::with_capacity(rows)),
            Param::Text(_) => Self::Texts(Vec::with_capacity(rows)),
            Param::Bytes(_) => Self::Byteses(Vec::with_capacity(rows)),
            Param::Uuid(_) => Self::Uuids(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, param: Param<'_>) -> Result<(), DbError> {
        match (self, param) {
            (Self::Ints(column), Param::Int(value)) => column.push(value),
            (Self::Bools(column), Param::Bool(value)) => column.push(value),
            (Self::Reals(column), Param::Real(value)) => column.push(value),
            (Self::Texts(column), Param::Text(value)) => column.push(value.map(str::to_owned)),
            (Self::Byteses(column), Param::Bytes(value)) => column.push(value.map(<[u8]>::to_vec)),
            (Self::Uuids(column), Param::Uuid(value)) => column.push(value),
            (column, param) => {
                return Err(DbError::Other(format!("a column of {column:?} cannot take {param:?}")));
            }
        }
        Ok(())
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Int(value) => value,
            Self::Bool(value) => value,
            Self::Real(value) => value,
            Self::Text(value) => value,
            Self::Bytes(value) => value,
            Self::Uuid(value) => value,
            Self::Ints(column) => column,
            Self::Bools(column) => column,
            Self::Reals(column) => column,
            Self::Texts(column) => column,
            Self::Byteses(column) => column,
            Self::Uuids(column) => column,
        }
    }
}

pub(super) fn references(cells: &[Cell]) -> Vec<&(dyn ToSql + Sync)> {
    cells.iter().map(Cell::as_sql).collect()
}

/// The rows of parameters as one array for each parameter.
pub(super) fn columns(rows: &Rows<'_>) -> Result<Vec<Cell>, DbError> {
    let first = rows.iter().next().unwrap_or(&[]);
    let mut columns: Vec<Cell> = first.iter().map(|param| Cell::column(*param, rows.len())).collect();
    for row in rows.iter() {
        for (column, param) in columns.iter_mut().zip(row) {
            column.push(*param)?;
        }
    }
    Ok(columns)
}
