// What an operation is refused for, for scripts/prove.
//
//@ proof short induction 5 sat,z3 SlabWidth=8 NumLists=2 DomainW=1 UseBlock=0
//@ cause: the status is the first cause of refusal, for the list as the OPENs and CLOSEs before left it
//@ wrong: s/else if \(!own_slab\) fw_status_o = exalloc_pkg::StatusForeign;//
//@ domain: an operation passes only with the domain its list was opened with
//@ wrong: s/wb_domain_q <= ex_domain_i/wb_domain_q <= '0/
//@ top: the highest block asked for, and the quarters touched, arrive with the operation
//@ wrong: s/if \(rd_flags_q\[q\]\) rd_top/if (ad_flags[q]) rd_top/
//@ swept: after a reset every list is closed
//@ wrong: s/ex_open_i && !sweeping_i && !rst_i/ex_open_i/
//
//@ see fv_info0 u_info.gen_any.mem[0]
//@ see fv_info1 u_info.gen_any.mem[1]
(* anyseq *) logic [DomainW:0] fv_info0, fv_info1;

// The truth about each list, after every operation before the one in execute
logic [1:0] fv_open_q, fv_done_q, fv_fresh_q;
logic [2*DomainW-1:0] fv_domain_q;
logic [ListAddrW-1:0] fv_ad_q, fv_rd_q, fv_fw_q, fv_ex_q;
logic [SlabWidth-1:0] fv_rd_bits_q, fv_fw_bits_q, fv_ex_bits_q;
logic fv_rd_good_q, fv_fw_good_q, fv_rst_q, fv_sweeping_q, fv_ad_good;
logic [4:0] fv_clear_q;  // an OPEN or CLOSE executed that many cycles ago
assign fv_ad_good = fv_run_q && !sweeping_i && !fv_rst_q && !rst_i && !ex_clear_i && fv_clear_q[2:0] == 3'd0;
always_ff @(posedge clk_i) begin
  fv_ad_q <= ad_list_i;
  fv_rd_q <= fv_ad_q;
  fv_fw_q <= fv_list;
  fv_rd_bits_q <= ad_bits_i;
  fv_fw_bits_q <= fv_rd_bits_q;
  fv_ex_bits_q <= fv_fw_bits_q;
  fv_rst_q <= rst_i;
  fv_sweeping_q <= sweeping_i;
  fv_rd_good_q <= fv_ad_good;
  fv_fw_good_q <= fv_rd_good_q && !rst_i && !ex_clear_i;
  fv_clear_q   <= {fv_clear_q[3:0], ex_clear_i};
  if (ex_clear_i) begin
    fv_open_q[fv_fw_q] <= ex_open_i;
    fv_domain_q[fv_fw_q*DomainW +: DomainW] <= ex_domain_i;
    fv_fresh_q[fv_fw_q] <= 1'b0;
  end
  if (sweeping_i) begin
    fv_open_q[wr_list_i] <= wb_open_q;
    fv_domain_q[wr_list_i*DomainW +: DomainW] <= wb_domain_q;
    fv_done_q[wr_list_i] <= 1'b1;
    fv_fresh_q[wr_list_i] <= 1'b1;
  end
  if (rst_i) fv_done_q <= 2'b00;
end
logic [ListAddrW-1:0] fv_list;  // of the operation in forward
assign fv_list = fw_list_i[ListAddrW-1:0];

// What slab_bank feeds: OPEN and CLOSE run alone, the sweep comes after a reset and undisturbed.
always_comb begin
  if (fv_run_q) begin
    assume (fv_list == fv_rd_q);
    if (fv_rst_q) assume (sweeping_i);
    if (!fv_rst_q && !fv_sweeping_q) assume (!sweeping_i);
    if (!sweeping_i) assume (fv_done_q == 2'b11);
    if (!sweeping_i) assume (!wb_write_q || wr_list_i == fv_ex_q);
  end
  if (fv_run_q && ex_clear_i) assume (!sweeping_i && !fv_rst_q && fv_clear_q == 5'd0);
  if (fv_run_q && fv_fw_good_q) assume (fw_usable_i == (fw_list_i < 8'd2));
end
always_ff @(posedge clk_i) fv_ex_q <= fv_fw_q;

logic fv_is_open, fv_same, fv_own, fv_range;
logic [3:0] fv_cause, fv_flags;
logic [BitW-1:0] fv_top;
logic [DomainW:0] fv_word, fv_fw_word;
logic [1:0] fv_mem, fv_closed;
always_comb begin
  fv_is_open = fw_usable_i && fv_open_q[fv_list];
  fv_same    = fv_domain_q[fv_list*DomainW +: DomainW] == fw_domain_i;
  fv_own     = fw_owner_i == fw_list_i;
  fv_top   = '0;
  fv_flags = '0;
  fv_range = fv_fw_bits_q != '0;
  for (int unsigned b = 0; b < SlabWidth; b++) begin
    if (fv_fw_bits_q[b] && BitW'(b) > fw_limit_i) fv_range = 1'b0;
    if (fv_ex_bits_q[b]) fv_top = BitW'(b);
  end
  for (int unsigned q = 0; q < 4; q++) fv_flags[q] = fv_ex_bits_q[q*QuarterW +: QuarterW] != '0;
  fv_cause = exalloc_pkg::StatusOk;
  case (fw_op_i)
    exalloc_pkg::BankOpGrant:
      fv_cause = !fv_is_open ? exalloc_pkg::StatusBadList :
                 !fv_same ? exalloc_pkg::StatusDomain : exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpRelease:
      fv_cause = !fv_is_open ? exalloc_pkg::StatusBadList :
                 !fv_same ? exalloc_pkg::StatusDomain :
                 !fv_own ? exalloc_pkg::StatusForeign :
                 !fv_range ? exalloc_pkg::StatusRange : exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpLink:
      fv_cause = !fv_is_open ? exalloc_pkg::StatusBadList :
                 fw_owner_i != NoOwner ? exalloc_pkg::StatusSlabInUse : exalloc_pkg::StatusOk;
    exalloc_pkg::BankOpTrim, exalloc_pkg::BankOpClose:
      fv_cause = fv_is_open ? exalloc_pkg::StatusOk : exalloc_pkg::StatusBadList;
    exalloc_pkg::BankOpOpen:
      fv_cause = fw_usable_i && !fv_is_open ? exalloc_pkg::StatusOk : exalloc_pkg::StatusBadList;
    exalloc_pkg::BankOpUnlink:
      fv_cause = !fw_usable_i || fv_is_open ? exalloc_pkg::StatusBadList :
                 !fv_own ? exalloc_pkg::StatusForeign : exalloc_pkg::StatusOk;
    default: fv_cause = exalloc_pkg::StatusBadCommand;
  endcase
  for (int unsigned l = 0; l < 2; l++) begin
    fv_mem[l] = !fv_done_q[l] || {fv_open_q[l], fv_domain_q[l*DomainW +: DomainW]} ==
        (wb_write_q && fv_ex_q == ListAddrW'(l) ? {wb_open_q, wb_domain_q} : l == 0 ? fv_info0 : fv_info1);
    fv_closed[l] = !fv_done_q[l] || !fv_fresh_q[l] || !fv_open_q[l];
  end
  fv_word    = fv_ad_q[0] ? fv_info1 : fv_info0;
  fv_fw_word = fv_rd_q[0] ? fv_info1 : fv_info0;
end
logic [3:0] fv_age_q = 4'd0;  // cycles since power-up: before three, nothing moved with the operation
always_ff @(posedge clk_i) fv_age_q <= {fv_age_q[2:0], 1'b1};

always_comb begin
  if (fv_run_q && fv_fw_good_q && fv_age_q[2]) begin
    cause: assert (fw_status_o == fv_cause);
  end
  if (fv_run_q && fv_fw_good_q) begin
    domain: assert (!((fw_op_i == exalloc_pkg::BankOpGrant || fw_op_i == exalloc_pkg::BankOpRelease) &&
                      fw_status_o == exalloc_pkg::StatusOk) || (fv_is_open && fv_same));
    assert (fw_info_q == fv_fw_word);
    assert (!wb_write_q);
  end
  if (fv_run_q) begin
    top: assert (!fv_age_q[3] || (ex_bits_flags_o == fv_flags && ex_top_o == fv_top));
    swept: assert (&fv_closed);
    assert (&fv_mem);
    assert (!fv_rd_good_q || (rd_info == fv_word && !wb_write_q));
    assert (!(fv_rd_good_q || fv_fw_good_q || wb_write_q) || fv_done_q == 2'b11);
    assert (!(sweeping_i || fv_rst_q) || (!wb_write_q && !wb_open_q));
    assert (!(sweeping_i || fv_rst_q) || !(fv_rd_good_q || fv_fw_good_q));
    assert (!wb_write_q || fv_clear_q[0]);
    assert (!fv_rd_good_q || fv_clear_q[3:1] == 3'd0);
    assert (!fv_fw_good_q || fv_clear_q[4:2] == 3'd0);
  end
end
